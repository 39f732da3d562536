"""Stops a trial whose best value is worse than a percentile of the others' at the same step.

After the median stopping rule of Golovin et al., "Google Vizier" (2017), section 3.2.1, with the others'
values of the step (as Optuna does) in place of their running averages, which a bad beginning spoils for long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from runner.model.sweep import EarlyStop, Objective
from runner.search.stopping.curves import Curves, best_mode
from runner.search.stopping.protocol import Point, Verdict


class PercentileRule:
    """The rules `median` and `percentile`."""

    compares = True

    def __init__(self, declared: EarlyStop, objective: Objective) -> None:
        self._declared = declared
        self._percentile = 50.0 if declared.rule == "median" else declared.percentile
        self._metric = objective.metric
        self._curves = Curves(objective)
        self._judged: dict[int, int] = {}

    def is_due(self, number: int, step: int) -> bool:
        """See StoppingRule."""
        return step >= self._declared.min_step and self._interval(step) > self._judged.get(number, -1)

    def observe(self, number: int, points: Iterable[Point]) -> None:
        """See StoppingRule."""
        self._curves.observe(number, points)

    def forget(self, number: int) -> None:
        """See StoppingRule."""
        self._curves.forget(number)
        self._judged.pop(number, None)

    def judge(self, number: int) -> Verdict | None:
        """See StoppingRule."""
        step = self._curves[number].last_step
        if step is None or step < self._declared.min_step:
            return None
        if self._interval(step) <= self._judged.get(number, -1):
            return None
        self._judged[number] = self._interval(step)
        return None if self._curves.leads(number) else self._compare(number, step)

    def _interval(self, step: int) -> int:
        return (step - self._declared.min_step) // self._declared.interval_steps

    def _compare(self, number: int, step: int) -> Verdict | None:
        others = self._curves.others_at(number, step)
        if not others or len(others) < self._declared.min_trials:
            return None
        bar = percentile(others, 100.0 - self._percentile)
        own = self._own(number, step)
        if own <= bar and math.isfinite(own):
            return None
        value = self._curves.value
        reason = (
            f"its best {self._metric} up to step {step} is {value(own)}, not as good as {value(bar)}, "
            f"{self._bar_in_words()} the {len(others)} other trials that got as far"
        )
        return Verdict(rule=self._declared.rule, step=step, reason=reason)

    def _bar_in_words(self) -> str:
        if self._declared.rule == "median":
            return "the median of"
        return f"which is better than {self._percentile:g} % of"

    def _own(self, number: int, step: int) -> float:
        objective = self._curves.objective
        if objective.mode in ("last", best_mode(objective)):
            return min(self._curves[number].up_to(step), default=math.inf)
        return self._curves.standing(number, step)


def percentile(losses: Sequence[float], share: float) -> float:
    """The loss below which `share` (0 to 100) of them lie, between two of them by a straight line.

    That is numpy's `percentile`, but the worst loss, which is infinite, may be among them.
    """
    row = sorted(losses)
    place = (len(row) - 1) * min(max(share, 0.0), 100.0) / 100
    below = math.floor(place)
    part = place - below
    if part == 0 or row[below] == row[below + 1]:
        return row[below]
    if math.isinf(row[below + 1]):
        return math.inf
    return row[below] + (row[below + 1] - row[below]) * part
