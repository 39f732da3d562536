"""Who leads, said honestly: over repeats with their spread, and against the baseline.

As `runner.sweeping.winner` judges: the best parameter set by the aggregate of its repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tracking_server.ui.averages import deviation, mean
from tracking_server.ui.sweep.trials import BEST_RUN, Objective, Sweep, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best parameter set; `trial` is the best of its evaluations.

    `value` is the `aggregate` of `repeats` of them, `spread` their standard deviation (None with fewer than
    two). `gain` is by how much the baseline was beaten, negative where it was not. `is_clear`: by more than
    twice the spread, or more than nothing where there is none; None where there is nothing to judge by.
    """

    trial: Trial
    value: float
    aggregate: str
    repeats: int
    spread: float | None
    baseline: float | None
    gain: float | None
    gain_percent: float | None
    is_clear: bool | None


def of(sweep: Sweep, aggregate: str) -> Best | None:
    """The best so far; None where no trial has a value."""
    objective = sweep.objective
    if objective is None:
        return None
    points = _points(sweep.counted)
    if not points:
        return None
    point = _noted(sweep, points)
    if point is None:
        point = min(points, key=lambda key: (objective.loss(_together(points[key], aggregate)), key))
    values = [trial.value for trial in points[point] if trial.value is not None]
    value = _together(points[point], aggregate)
    spread = deviation(values) if len(values) > 1 else None
    to_beat = sweep.baseline.value if sweep.baseline is not None else None
    gain = None if to_beat is None else objective.loss(to_beat) - objective.loss(value)
    return Best(
        trial=min(points[point], key=lambda trial: (_loss(objective, trial), trial.number)),
        value=value,
        aggregate=aggregate,
        repeats=len(values),
        spread=spread,
        baseline=to_beat,
        gain=gain,
        gain_percent=100 * gain / abs(to_beat) if gain is not None and to_beat else None,
        is_clear=None if gain is None else gain > 2 * (spread or 0.0),
    )


def elsewhere(sweep: Sweep) -> str:
    """The run that `runner` notes as the best, where it is not one of the trials here; else "".

    One that finished before the sweep may have been taken for a trial.
    """
    noted = sweep.tags.get(BEST_RUN, "")
    return "" if any(trial.run_id == noted for trial in sweep.trials) else noted


def _points(counted: Sequence[Trial]) -> dict[int, list[Trial]]:
    points: dict[int, list[Trial]] = {}
    for trial in counted:
        if trial.counts:
            points.setdefault(trial.point, []).append(trial)
    return points


def _noted(sweep: Sweep, points: dict[int, list[Trial]]) -> int | None:
    """The point that `runner` calls the best, which knows of constraints; by the sweep's own objective."""
    best = sweep.tags.get(BEST_RUN)
    if best is None or sweep.objective is None or not sweep.objective.is_declared:
        return None
    return next((point for point, trials in points.items() if any(t.run_id == best for t in trials)), None)


def _together(trials: Sequence[Trial], aggregate: str) -> float:
    values = [trial.value for trial in trials if trial.value is not None]
    if aggregate in ("min", "max"):
        return min(values) if aggregate == "min" else max(values)
    return float(median(values)) if aggregate == "median" else mean(values)


def _loss(objective: Objective, trial: Trial) -> float:
    assert trial.value is not None
    return objective.loss(trial.value)
