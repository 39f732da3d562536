"""What is drawn, as numbers: axes with their labels, and paths within a square of a thousand by a thousand.

The square is stretched to whatever room there is; labels are not. Dots are strokes without a length, a dozen
characters each, so that thousands of them are no burden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tracking_server.ui import wording
from tracking_server.ui.sweep.importance import Importance
from tracking_server.ui.sweep.scales import Axis, Tick, numbers_axis
from tracking_server.ui.sweep.trials import Objective, Sweep, Trial

MOST_DOTS = 1_200
_DOTS_OF_A_SLICE = 400
MOST_SLICES = 12
_SLICE_LETTERS = 36
_FAR = 4.0
_LOST = ("failed", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A path, and the class that says what it looks like. `trials` are the numbers of its dots, in order."""

    look: str
    path: str
    trials: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing. `title` says what it shows, `says` what can be seen in it, for those who do not see it.

    `note` is what is not in it. `height` is in pixels, without the labels of the horizontal axis.
    """

    title: str
    says: str
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    layers: Sequence[Layer]
    height: int = 220
    note: str = ""
    name: str = ""


def objective_axis(objective: Objective, values: Iterable[float]) -> tuple[Axis, int] | None:
    """The axis of an objective, and how many values are beyond its bad end: a few that are far off do not
    flatten all others. None without any value.
    """
    losses = sorted(objective.loss(value) for value in values)
    if not losses:
        return None
    best, usual = losses[0], losses[int(0.9 * (len(losses) - 1))]
    farthest = usual + (_FAR - 1) * (usual - best)
    shown = [loss for loss in losses if loss <= farthest] if usual > best else losses
    beyond = len(losses) - len(shown)
    return numbers_axis(objective.metric, [objective.loss(loss) for loss in shown]), beyond


def history(sweep: Sweep, axis: Axis, beyond: int) -> Plot:
    """The objective of each trial in their order, and the best so far."""
    objective = sweep.objective
    assert objective is not None
    counted = sweep.counted
    valued = [trial for trial in counted if trial.value is not None]
    last = max((trial.number for trial in counted), default=1)
    first = min((trial.number for trial in counted), default=1)
    across = numbers_axis("trial", [float(first), float(max(last, first + 1))], log=False)
    steps, best = list[tuple[float, float]](), None
    for trial in sorted(valued, key=lambda trial: trial.number):
        if not trial.counts or trial.value is None:
            continue
        if best is None or objective.loss(trial.value) < objective.loss(best):
            best = trial.value
            steps.append((_at(across, trial.number), height_of(axis, best)))
    layers = [
        _dots("early", across, axis, thinned([t for t in valued if t.state == "early"], MOST_DOTS)),
        _dots("failed", across, axis, thinned([t for t in valued if t.state in _LOST], MOST_DOTS)),
        _dots("running", across, axis, [t for t in valued if t.state == "running"]),
        _dots("finished", across, axis, thinned([t for t in valued if t.state == "finished"], MOST_DOTS)),
    ]
    if steps:
        path = f"M{steps[0][0]:.0f} {steps[0][1]:.0f}"
        path += "".join(f"H{x:.0f}V{y:.0f}" for x, y in steps[1:]) + f"H{_at(across, last):.0f}"
        layers.append(Layer(look="best-line", path=path))
    baseline = sweep.baseline
    if baseline is not None and baseline.value is not None:
        y = height_of(axis, baseline.value)
        layers.insert(0, Layer(look="baseline-line", path=f"M0 {y:.0f}H1000"))
    left_out = len(valued) - sum(layer.trials.count(",") + 1 for layer in layers if layer.trials)
    notes = [f"{beyond:,} far off, at the edge" if beyond else ""]
    notes.append(f"{left_out:,} dots left out between those shown" if left_out > 0 else "")
    improved = len(steps)
    return Plot(
        title=f"{objective.metric} by trial",
        says=(
            f"{len(valued)} trials have a value; the best so far improved {improved} times"
            + ("" if best is None else f" and is {wording.number(best)}")
            + "."
        ),
        x_label="trial",
        y_label=objective.metric,
        x_ticks=[tick for tick in across.ticks(8) if float(tick.label) == int(float(tick.label))],
        y_ticks=axis_up(axis),
        layers=[layer for layer in layers if layer.path],
        height=240,
        note="; ".join(note for note in notes if note),
        name="history",
    )


def slices(sweep: Sweep, trials: Sequence[Trial], axes: Sequence[Axis], value_axis: Axis) -> list[Plot]:
    """The objective against each parameter."""
    assert sweep.objective is not None
    valued = [trial for trial in trials if trial.value is not None and trial.state != "running"]
    found = []
    for axis in axes[:MOST_SLICES]:
        having = thinned([trial for trial in valued if axis.name in trial.params], _DOTS_OF_A_SLICE)
        if not having:
            continue
        early = [trial for trial in having if trial.state == "early"]
        others = [trial for trial in having if trial.state != "early"]
        found.append(
            Plot(
                title=f"{sweep.objective.metric} against {axis.name}",
                says=f"{len(having)} trials.",
                x_label=axis.name + (" (log)" if axis.kind == "log" else ""),
                y_label=sweep.objective.metric,
                x_ticks=_apart(axis.ticks(4)),
                y_ticks=axis_up(value_axis, 4),
                layers=[
                    layer
                    for layer in (
                        _of_parameter("early", axis, value_axis, early),
                        _of_parameter("finished", axis, value_axis, others),
                    )
                    if layer.path
                ],
                height=150,
                name="slice",
            )
        )
    return found


def _apart(ticks: Sequence[Tick]) -> list[Tick]:
    """Labels that do not run into one another in a small drawing."""
    room = max(1, _SLICE_LETTERS // max(1, len(ticks)))
    return [
        Tick(tick.at, tick.label if len(tick.label) <= room + 2 else f"{tick.label[:room]}…")
        for tick in ticks
    ]


def _of_parameter(look: str, axis: Axis, value_axis: Axis, trials: Sequence[Trial]) -> Layer:
    places = [(axis.place(trial.params.get(axis.name)), trial) for trial in trials]
    return dots(look, [(x, height_of(value_axis, t.value), t.number) for x, t in places if x is not None])


def axis_up(axis: Axis, most: int = 5) -> list[Tick]:
    """The labels of an axis that goes up."""
    return [Tick(1000 - tick.at, tick.label) for tick in axis.ticks(most)]


def _dots(look: str, across: Axis, axis: Axis, trials: Sequence[Trial]) -> Layer:
    return dots(look, [(_at(across, t.number), height_of(axis, t.value), t.number) for t in trials])


def dots(look: str, places: Sequence[tuple[float, float, int]]) -> Layer:
    """Dots at places that are given from the left and from the top, each with the number of its trial."""
    return Layer(
        look=f"dots {look}",
        path="".join(f"M{x:.0f} {y:.0f}h0" for x, y, _ in places),
        trials=",".join(str(number) for *_, number in places),
    )


def _at(axis: Axis, number: float) -> float:
    place = axis.place(float(number))
    assert place is not None
    return place


def height_of(axis: Axis, value: float | None) -> float:
    """A value's height; what is beyond the axis stands at its edge."""
    place = axis.place(value)
    if place is None:
        place = 0.0  # not above zero, on a logarithmic axis
    return 1000 - min(1000.0, max(0.0, place))


def thinned(trials: Sequence[Trial], most: int) -> Sequence[Trial]:
    """At most so many of the trials, evenly spread."""
    if len(trials) <= most:
        return trials
    return [trials[number * (len(trials) - 1) // (most - 1)] for number in range(most)]


def by_importance(axes: Iterable[Axis], importances: Sequence[Importance] | None) -> list[Axis]:
    """The axes of the parameters that matter most first; as they are, where nobody knows."""
    rank = {one.name: number for number, one in enumerate(importances or ())}
    return sorted(axes, key=lambda axis: rank.get(axis.name, len(rank)))
