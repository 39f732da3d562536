"""What a rule promises that stops running trials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from runner.model.sweep import StopRuleName

Point = tuple[int, float]
"""A step and the value that was logged for it, as logged (a maximised metric is not negated)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A trial is to be stopped: by which rule, at which of its steps, on which rung, and why, in a sentence.

    `rung` counts from 0; None for rules that have no rungs.
    """

    rule: StopRuleName
    step: int
    rung: int | None = None
    reason: str


class StoppingRule(Protocol):
    """Judges running trials. Used by one thread.

    What `judge` answers depends on the declaration and on the calls so far, in their order, and on nothing
    else. Observing the same points again, or in other portions, changes nothing.
    """

    @property
    def compares(self) -> bool:
        """Whether it needs the curves of other trials too, ended ones among them."""

    def is_due(self, number: int, step: int) -> bool:
        """Whether trial `number`, whose latest value is of this step, may have to be stopped.

        Then its whole curve is to be observed, and the trial judged. False costs nothing.
        """

    def observe(self, number: int, points: Iterable[Point]) -> None:
        """What a trial has logged, all of it or what is new. Of several values of a step the last counts."""

    def judge(self, number: int) -> Verdict | None:
        """Whether a running trial is to be stopped, by all that was observed. None: it goes on."""

    def forget(self, number: int) -> None:
        """The trial begins anew: its last attempt was lost, and what it had logged says nothing."""
