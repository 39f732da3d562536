"""What trials have logged so far, as losses by step."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runner.model.sweep import Mode, Objective
from runner.search.stopping.protocol import Point


@dataclass(slots=True)
class Curve:
    """The losses of one trial. Steps ascend; a value that is no number, or infinite, is the worst loss."""

    steps: list[int] = field(default_factory=list)
    losses: dict[int, float] = field(default_factory=dict)

    def put(self, step: int, loss: float) -> None:
        """Adds a value, or replaces the one of the same step."""
        if step not in self.losses:
            insort(self.steps, step)
        self.losses[step] = loss

    @property
    def last_step(self) -> int | None:
        """The greatest step; None while there is none."""
        return self.steps[-1] if self.steps else None

    def first_step_from(self, step: int) -> int | None:
        """The first step that is `step` or later; None where it has not come so far."""
        place = bisect_left(self.steps, step)
        return self.steps[place] if place < len(self.steps) else None

    def up_to(self, step: int) -> Iterator[float]:
        """The losses of all steps up to `step`, in order."""
        return (self.losses[known] for known in self.steps[: bisect_right(self.steps, step)])

    def last_up_to(self, step: int) -> float:
        """The loss of the last step up to `step`; the worst where there is none."""
        place = bisect_right(self.steps, step)
        return self.losses[self.steps[place - 1]] if place else math.inf


class Curves:
    """The curves of all trials, by the number of the trial.

    `standing` is what a trial counts as at a step, in the sense of the objective's `mode`.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self._of: dict[int, Curve] = {}
        self._best = math.inf

    def __getitem__(self, number: int) -> Curve:
        return self._of.get(number) or Curve()

    def observe(self, number: int, points: Iterable[Point]) -> None:
        """Adds what a trial has logged."""
        curve = self._of.setdefault(number, Curve())
        for step, value in points:
            loss = self.objective.loss(value) if math.isfinite(value) else math.inf
            curve.put(step, loss)
            self._best = min(self._best, loss)

    def forget(self, number: int) -> None:
        """Removes the curve of a trial."""
        if self._of.pop(number, None) is not None:
            self._best = min(
                (loss for curve in self._of.values() for loss in curve.losses.values()), default=math.inf
            )

    def standing(self, number: int, step: int) -> float:
        """The loss that the trial counts as at `step`."""
        return _reduced(self[number], step, self.objective)

    def others_at(self, number: int, step: int) -> list[float]:
        """The standings at `step` of all other trials that got as far, running, ended or stopped."""
        return [
            self.standing(other, step)
            for other, curve in self._of.items()
            if other != number and curve.first_step_from(step) is not None
        ]

    def leads(self, number: int) -> bool:
        """Whether nothing that any trial has logged is better than what this one counts as now."""
        last = self[number].last_step
        if last is None:
            return False
        standing = self.standing(number, last)
        return math.isfinite(standing) and standing <= self._best

    def value(self, loss: float) -> str:
        """The loss as people know it."""
        if not math.isfinite(loss):
            return "NaN"
        return f"{self.objective.loss(loss):.6g}"  # its own inverse


def _reduced(curve: Curve, step: int, objective: Objective) -> float:
    if objective.mode == "last":
        return curve.last_up_to(step)
    losses = curve.up_to(step)
    if objective.mode == best_mode(objective):
        return min(losses, default=math.inf)
    return max(losses, default=math.inf)


def best_mode(objective: Objective) -> Mode:
    """The mode that means the best value, spelled as `min` or `max`, unless it is spelled `best`."""
    if objective.mode == "best":
        return "best"
    return "min" if objective.goal == "minimize" else "max"
