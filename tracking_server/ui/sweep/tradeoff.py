"""Two objectives against each other: which trials no other is better than in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tracking_server.store import compared_runs
from tracking_server.ui.sweep.plots import Layer, Plot, axis_up, dots, height_of, objective_axis, thinned
from tracking_server.ui.sweep.scales import Axis
from tracking_server.ui.sweep.trials import Objective, Sweep, Trial, declared_objectives, finite

MOST_OTHERS = 3
MOST_DOTS = 1_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another objective of a sweep, and the last value of it by the row of the trial."""

    objective: Objective
    values: Mapping[int, float]


def read(connection: Connection, sweep: Sweep) -> list[Other]:
    """The objectives that a sweep declares beside the one that is looked at; the first of them."""
    if sweep.objective is None:
        return []
    declared = declared_objectives(sweep.tags)
    if sweep.objective.metric not in dict(declared):
        return []
    rows = [trial.row for trial in sweep.counted if trial.counts]
    found = []
    for metric, goal in [each for each in declared if each[0] != sweep.objective.metric][:MOST_OTHERS]:
        lasts = compared_runs.last_values(connection, rows, metric)
        values = {row: value for row, last in lasts.items() if (value := finite(last.value)) is not None}
        found.append(Other(objective=Objective(metric=metric, goal=goal, is_declared=True), values=values))
    return found


def front(objective: Objective, other: Other, trials: Iterable[Trial]) -> list[Trial]:
    """The trials that no other is better than in one objective without being worse in the second.

    From the best in `other` to the best in `objective`; of equal ones the earliest.
    """
    valued = [trial for trial in trials if trial.value is not None and trial.row in other.values]

    def losses(trial: Trial) -> tuple[float, float]:
        return other.objective.loss(other.values[trial.row]), objective.loss(trial.value or 0.0)

    found: list[Trial] = []
    for trial in sorted(valued, key=lambda trial: (*losses(trial), trial.number)):
        if not found or losses(trial)[1] < losses(found[-1])[1]:
            found.append(trial)
    return found


def of(sweep: Sweep, other: Other, value_axis: Axis) -> Plot | None:
    """The drawing; None where no trial has both."""
    objective = sweep.objective
    assert objective is not None
    both = [trial for trial in sweep.counted if trial.counts and trial.row in other.values]
    ends = objective_axis(other.objective, other.values.values())
    if not both or ends is None:
        return None
    across, beyond = ends
    best = front(objective, other, both)
    is_best = {trial.row for trial in best}

    def places(trials: Sequence[Trial]) -> list[tuple[float, float, int]]:
        return [
            (
                1000 - height_of(across, other.values[trial.row]),
                height_of(value_axis, trial.value),
                trial.number,
            )
            for trial in trials
        ]

    rest = thinned([trial for trial in both if trial.row not in is_best], MOST_DOTS)
    layers = [
        dots("early", places([trial for trial in rest if trial.state == "early"])),
        dots("finished", places([trial for trial in rest if trial.state != "early"])),
        Layer(look="best-line", path=_stairs(places(best))),
        dots("front", places(thinned(best, MOST_DOTS))),
    ]
    goals = {"minimize": "less", "maximize": "more"}
    return Plot(
        title=f"{objective.metric} against {other.objective.metric}",
        says=f"Of {len(both):,} trials with both, {len(best):,} are best: none beats them in both.",
        x_label=f"{other.objective.metric}, {goals[other.objective.goal]} is better",
        y_label=objective.metric,
        x_ticks=across.ticks(8),
        y_ticks=axis_up(value_axis),
        layers=[layer for layer in layers if layer.path],
        height=240,
        note=f"{beyond:,} far off, at the edge" if beyond else "",
        name="tradeoff",
    )


def _stairs(places: Sequence[tuple[float, float, int]]) -> str:
    """What lies between the best: nobody knows that there is anything better than the corners."""
    if len(places) < 2:
        return ""
    (x, y, _), *others = places
    return f"M{x:.0f} {y:.0f}" + "".join(f"H{x:.0f}V{y:.0f}" for x, y, _ in others)
