"""Rules that look at the trial alone: it no longer improves, or has all that was wished for."""

from __future__ import annotations

import math
from collections.abc import Iterable

from runner.model.sweep import EarlyStop, Objective
from runner.search.stopping.curves import Curves
from runner.search.stopping.protocol import Point, Verdict


class PatienceRule:
    """Stops a trial that has not improved by more than `min_delta` for `patience` steps.

    What an improvement is, is what Keras' EarlyStopping means: a value better by more than `min_delta` than
    the last one that was an improvement. The first value is one.
    """

    compares = False

    def __init__(self, declared: EarlyStop, objective: Objective) -> None:
        self._declared = declared
        self._metric = objective.metric
        self._curves = Curves(objective)

    def is_due(self, number: int, step: int) -> bool:
        """See StoppingRule."""
        if step < self._declared.min_step:
            return False
        improved = self._last_improvement(number)
        return improved is None or step - improved[0] >= self._declared.patience

    def observe(self, number: int, points: Iterable[Point]) -> None:
        """See StoppingRule."""
        self._curves.observe(number, points)

    def forget(self, number: int) -> None:
        """See StoppingRule."""
        self._curves.forget(number)

    def judge(self, number: int) -> Verdict | None:
        """See StoppingRule."""
        last = self._curves[number].last_step
        improved = self._last_improvement(number)
        if last is None or improved is None or last < self._declared.min_step:
            return None
        step, loss = improved
        if last - step < self._declared.patience:
            return None
        reason = (
            f"its {self._metric} has not improved for {last - step} steps: "
            f"it was {self._curves.value(loss)} at step {step}"
        )
        return Verdict(rule="patience", step=last, reason=reason)

    def _last_improvement(self, number: int) -> tuple[int, float] | None:
        curve = self._curves[number]
        found: tuple[int, float] | None = None
        for step in curve.steps:
            loss = curve.losses[step]
            if found is None or (math.isfinite(loss) and loss < found[1] - self._declared.min_delta):
                found = step, loss
        return found


class TargetRule:
    """Stops a trial that has reached `target` (the objective's, where the rule has none of its own)."""

    compares = False

    def __init__(self, declared: EarlyStop, objective: Objective) -> None:
        self._declared = declared
        self._metric = objective.metric
        self._curves = Curves(objective)
        self._target = declared.target if declared.target is not None else objective.target
        self._judged: dict[int, int] = {}

    def is_due(self, number: int, step: int) -> bool:
        """See StoppingRule."""
        return step >= self._declared.min_step and step > self._judged.get(number, -1)

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
        if step is None or step < self._declared.min_step or self._target is None:
            return None
        self._judged[number] = step
        loss = self._curves.standing(number, step)
        if not loss <= self._curves.objective.loss(self._target):
            return None
        reason = (
            f"its {self._metric} is {self._curves.value(loss)}: it has reached the target {self._target:.6g}"
        )
        return Verdict(rule="target", step=step, reason=reason)
