"""The values of a sweep's objectives, of what a run logged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from runner.model.sweep import Objective

History = Callable[[str], Sequence[float]]
"""All values of a metric of the run, in the order in which they were logged."""


def objective_values(
    latest: Mapping[str, float], objectives: Sequence[Objective], history: History
) -> tuple[float | None, ...]:
    """The value of each objective; None for a metric that was not logged, NaN where none is a finite number.

    `latest` are the last values of all metrics. `history` is called only for objectives whose mode needs it.
    """
    return tuple(_value(latest, objective, history) for objective in objectives)


def valid(values: Sequence[float | None]) -> tuple[float, ...] | None:
    """The values, where all are finite numbers."""
    numbers = tuple(value for value in values if value is not None and math.isfinite(value))
    return numbers if len(numbers) == len(values) else None


def _value(latest: Mapping[str, float], objective: Objective, history: History) -> float | None:
    last = latest.get(objective.metric)
    if last is None or objective.mode == "last":
        return last
    return reduced([*history(objective.metric), last], objective)


def reduced(values: Sequence[float], objective: Objective) -> float:
    """Of all values the one that counts in the objective's mode; NaN where no number can."""
    if objective.mode == "last":
        return values[-1] if values else math.nan
    numbers = [value for value in values if math.isfinite(value)]
    if not numbers:
        return math.nan
    if objective.mode == "best":
        return min(numbers, key=objective.loss)
    return min(numbers) if objective.mode == "min" else max(numbers)
