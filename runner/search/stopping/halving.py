"""Asynchronous successive halving: at each rung the best 1/eta of those that got there go on.

After Li et al., "A System for Massively Parallel Hyperparameter Tuning" (2020), the variant that stops: a
trial that reaches a rung is compared at once with all that reached it before, and is not resumed later.
Hyperband (Li et al., 2018) are several of these side by side, each with a later first rung.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from runner.model.sweep import EarlyStop, Objective
from runner.search.stopping.curves import Curves
from runner.search.stopping.protocol import Point, Verdict
from runner.search.stopping.rungs import bracket_count, bracket_weights, dealt, rung_step


class HalvingRule:
    """The rules `asha` and `hyperband`.

    A trial's value at a rung is what it counts as at its first step that is the rung's or later, however
    late that was looked at. It is compared with the values at this rung of all trials of its bracket.
    A `min_step` of 0 is taken for 1. Raises ValueError for an eta of 1 or less.
    """

    compares = True

    def __init__(self, declared: EarlyStop, objective: Objective) -> None:
        self._declared = declared
        self._metric = objective.metric
        self._curves = Curves(objective)
        if declared.eta <= 1:
            raise ValueError(
                f"eta must be more than 1, not {declared.eta:g}: no trial would ever be left out"
            )
        self._min_step = max(1, declared.min_step)
        brackets = _brackets(declared)
        self._brackets = dealt(bracket_weights(brackets, eta=declared.eta))
        self._next_rung: dict[int, int] = {}
        self._at_rung: dict[tuple[int, int], dict[int, float]] = {}

    def bracket(self, number: int) -> int:
        """The bracket of a trial: how many rungs it is spared at the beginning."""
        return self._brackets[number % len(self._brackets)]

    def rung_step(self, rung: int, *, bracket: int = 0) -> int | None:
        """The step of a rung of a bracket; None above the last one."""
        step = rung_step(bracket + rung, min_step=self._min_step, eta=self._declared.eta)
        most = self._declared.max_step
        return None if most is not None and step > most else step

    def is_due(self, number: int, step: int) -> bool:
        """See StoppingRule."""
        wanted = self.rung_step(self._next_rung.get(number, 0), bracket=self.bracket(number))
        return wanted is not None and step >= wanted

    def observe(self, number: int, points: Iterable[Point]) -> None:
        """See StoppingRule."""
        self._curves.observe(number, points)
        bracket, rung = self.bracket(number), 0
        while (wanted := self.rung_step(rung, bracket=bracket)) is not None:
            step = self._curves[number].first_step_from(wanted)
            if step is None:
                return
            self._at_rung.setdefault((bracket, rung), {})[number] = self._curves.standing(number, step)
            rung += 1

    def forget(self, number: int) -> None:
        """See StoppingRule."""
        self._curves.forget(number)
        self._next_rung.pop(number, None)
        for standings in self._at_rung.values():
            standings.pop(number, None)

    def judge(self, number: int) -> Verdict | None:
        """See StoppingRule."""
        bracket = self.bracket(number)
        rung = self._next_rung.get(number, 0)
        verdict = None
        while verdict is None and number in (standings := self._at_rung.get((bracket, rung), {})):
            verdict = self._compare(number, rung, standings)
            rung += 1
        self._next_rung[number] = rung
        return None if verdict is not None and self._curves.leads(number) else verdict

    def _compare(self, number: int, rung: int, standings: dict[int, float]) -> Verdict | None:
        others = len(standings) - 1
        own = standings[number]
        if others < self._declared.min_trials:
            return None
        going_on = max(1, int(len(standings) / self._declared.eta))
        bar = sorted(standings.values())[going_on - 1]
        if own <= bar and math.isfinite(own):
            return None
        step = self._curves[number].first_step_from(self.rung_step(rung, bracket=self.bracket(number)) or 0)
        value = self._curves.value
        reason = (
            f"its {self._metric} at step {step} (rung {rung}) is {value(own)}: it is not among the best "
            f"{going_on} of the {others + 1} trials that got there, who have {value(bar)} or better"
        )
        return Verdict(rule=self._declared.rule, step=step or 0, rung=rung, reason=reason)


def _brackets(declared: EarlyStop) -> int:
    # Hyperband without a number of brackets has as many as fit below the last rung.
    if declared.rule == "hyperband" and declared.brackets == 1 and declared.max_step is not None:
        return bracket_count(min_step=max(1, declared.min_step), max_step=declared.max_step, eta=declared.eta)
    return declared.brackets
