"""What ends a whole search before its budget is used. Pure: counts and times come from the caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from runner.model.sweep import Objective, StopWhen, Sweep
from runner.model.trial import Cause
from runner.sweeping.failures import NOT_ITS_FAULT

HaltRule = Literal[
    "target",
    "no_improvement",
    "max_time",
    "max_failed_trials",
    "max_failure_rate",
    "same_failure",
    "on_failure",
]
SAME_FAILURES = 3
"""So many trials that fail alike, with none that did well before, are one mistake in the program."""
_MISTAKES: frozenset[Cause] = frozenset({"crashed", "no_objective", "provision"})
# Time and memory run out for some parameters and not for others.
_RATE_FROM_TRIALS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """The search ends: by which rule, and why, in a sentence. `is_failure`: the sweep has failed."""

    rule: HaltRule
    reason: str
    is_failure: bool
    stops_running: bool = True


@dataclass(slots=True)
class Tally:
    """The trials that are over, in the order in which they ended, as far as halting depends on them.

    Trials that a person stopped are not counted. A trial that diverged is an answer about its parameters: it
    is counted, but not as a failure.
    """

    over: int = 0
    failed: int = 0
    best: float | None = None
    since_improvement: int = 0
    alike: dict[str, list[int]] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    any_did_well: bool = False
    last_failure: str = ""

    def did_well(self, value: float, objective: Objective) -> None:
        """A trial that can win has this value of the first objective."""
        self.over += 1
        self.any_did_well = True
        self.alike.clear()
        if self.best is None or objective.is_better(value, self.best):
            self.best, self.since_improvement = value, 0
        else:
            self.since_improvement += 1

    def did_poorly(self) -> None:
        """A trial ran as it should, and cannot win: it diverged, or violates a constraint."""
        self.over += 1
        self.any_did_well = True
        self.since_improvement += 1

    def did_fail(self, number: int, cause: Cause, *, likeness: str, shown: str) -> None:
        """A trial failed; those of equal `likeness` alike. `shown` is what people need to see of it."""
        if cause == "stopped":
            return
        if cause == "diverged":
            self.did_poorly()
            return
        self.over += 1
        self.failed += 1
        self.since_improvement += 1
        self.last_failure = f"trial-{number + 1:03} {cause.replace('_', ' ')}"
        if not self.any_did_well and cause in _MISTAKES:
            self.alike.setdefault(f"{cause}: {likeness}", []).append(number)
            self.shown[f"{cause}: {likeness}"] = shown


def halt(sweep: Sweep, tally: Tally, *, seconds: float, budget: int | None) -> Halt | None:
    """Whether the search ends, which has lasted so many seconds (monotonic). `budget` is in trials."""
    return (
        _at_target(sweep.objectives, sweep.stop, tally)
        or _failing_alike(tally)
        or _failing(sweep, tally, budget)
        or _no_better(sweep.stop, tally)
        or _too_long(sweep.stop, seconds)
    )


def _at_target(objectives: Sequence[Objective], stop: StopWhen, tally: Tally) -> Halt | None:
    objective = objectives[0]
    target = stop.target if stop.target is not None else objective.target
    if target is None or tally.best is None or objective.loss(tally.best) > objective.loss(target):
        return None
    reason = f"{objective.metric} has reached {tally.best:.6g}, the target was {target:.6g}"
    return Halt(rule="target", reason=reason, is_failure=False)


def _failing_alike(tally: Tally) -> Halt | None:
    for likeness, numbers in tally.alike.items():
        if len(numbers) >= SAME_FAILURES:
            reason = (
                f"the first {len(numbers)} trials failed alike, so that it is not the parameters:\n"
                f"{tally.shown[likeness].rstrip()}"
            )
            return Halt(rule="same_failure", reason=reason, is_failure=True)
    return None


def _failing(sweep: Sweep, tally: Tally, budget: int | None) -> Halt | None:
    stop = sweep.stop
    if sweep.on_failure == "abort" and tally.failed:
        reason = f"{tally.last_failure}, and on_failure is abort"
        return Halt(rule="on_failure", reason=reason, is_failure=True)
    if stop.max_failed_trials is not None and tally.failed > stop.max_failed_trials:
        reason = f"{tally.failed} trials failed, {stop.max_failed_trials} may"
        return Halt(rule="max_failed_trials", reason=reason, is_failure=True)
    if stop.max_failure_rate is None or not tally.failed:
        return None
    # Early on a rate says little; but once it cannot come right any more, there is nothing to wait for.
    certain = budget is not None and tally.failed > stop.max_failure_rate * budget
    judged = tally.over >= _RATE_FROM_TRIALS and tally.failed > stop.max_failure_rate * tally.over
    if not certain and not judged:
        return None
    reason = f"{tally.failed} of {tally.over} trials failed, {stop.max_failure_rate:.0%} may"
    return Halt(rule="max_failure_rate", reason=reason, is_failure=True)


def _no_better(stop: StopWhen, tally: Tally) -> Halt | None:
    most = stop.no_improvement_trials
    if most is None or tally.best is None or tally.since_improvement < most:
        return None
    reason = f"none of the last {tally.since_improvement} trials was better than {tally.best:.6g}"
    return Halt(rule="no_improvement", reason=reason, is_failure=False)


def _too_long(stop: StopWhen, seconds: float) -> Halt | None:
    if stop.max_time_s is None or seconds < stop.max_time_s:
        return None
    return Halt(
        rule="max_time",
        reason=f"{seconds:.0f} s are over, {stop.max_time_s:.0f} s were given",
        is_failure=False,
    )


def counts_against_parameters(cause: Cause | None) -> bool:
    """Whether a searcher may be told that a trial without a value was bad."""
    return cause not in NOT_ITS_FAULT
