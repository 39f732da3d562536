"""What a sweep does next, given where it stands. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.trial import TrialResult
from runner.sweeping.ledger import BASELINE, Ledger


@dataclass(frozen=True, slots=True)
class Suggest:
    """Ask for point `number`, and launch its first trial."""

    number: int


@dataclass(frozen=True, slots=True)
class Launch:
    """Launch a trial (again) of a point that is there."""

    trial: int
    point: int
    repeat: int
    attempt: int


@dataclass(frozen=True, slots=True)
class RunBaseline:
    """Launch the baseline."""


Step = Suggest | Launch | RunBaseline


def needs_baseline_first(ledger: Ledger) -> bool:
    """Whether results cannot be judged before the baseline's are there."""
    sweep = ledger.sweep
    return sweep.baseline is not None and (
        sweep.baseline.cap
        or sweep.on_failure == "baseline"
        or any(constraint.relative_to_baseline for constraint in sweep.constraints)
    )


def next_step(ledger: Ledger, in_flight: frozenset[int]) -> Step | None:
    """The next thing to launch; None where there is nothing, now or at all.

    `in_flight` are the trials that somebody performs now. First comes the baseline, then what has to be
    launched again, then the repeats of points that are there, then a new point.
    """
    sweep = ledger.sweep
    if sweep.baseline is not None and ledger.baseline is None:
        return RunBaseline()
    for trial in ledger.running():
        if trial.number not in in_flight:
            attempt = ledger.attempts[trial.number]
            return Launch(trial.number, trial.point, trial.repeat, attempt + 1)
    if needs_baseline_first(ledger) and (ledger.baseline is None or ledger.baseline.result is None):
        return None
    return _next_repeat(ledger) or _next_point(ledger) or _next_of_the_best(ledger)


def _next_repeat(ledger: Ledger) -> Launch | None:
    number = min(ledger.short, default=None)
    if number is None:
        return None
    done = len(ledger.points[number].trials)
    return Launch(number * ledger.first_round + done, number, done, 0)


def _next_point(ledger: Ledger) -> Suggest | None:
    number = ledger.suggested
    if ledger.exhausted or (ledger.max_points is not None and number >= ledger.max_points):
        return None
    horizon = ledger.sweep.horizon
    if horizon is not None and not all(ledger.is_over(n) for n in range(number - horizon + 1)):
        return None
    return Suggest(number)


def _next_of_the_best(ledger: Ledger) -> Launch | None:
    """When the search is over: the next repeat of the best points, one round after another."""
    repeats = ledger.sweep.repeats
    if repeats.top_k is None or not search_is_over(ledger):
        return None
    best = chosen_for_repeats(ledger)
    for repeat in range(1, repeats.count):
        for point in best:
            if len(ledger.points[point].trials) == repeat:
                return Launch(max(ledger.trials) + 1, point, repeat, 0)
    return None


def search_is_over(ledger: Ledger) -> bool:
    """Whether every point of the budget has been evaluated once."""
    wanted = ledger.suggested if ledger.exhausted else ledger.max_points
    return (
        wanted is not None
        and ledger.suggested >= wanted
        and all(first_result(ledger, point) is not None for point in ledger.points)
    )


def chosen_for_repeats(ledger: Ledger) -> list[int]:
    """The best points by their first trials alone: repeats that are under way do not change the choice."""
    loss = ledger.sweep.objective.loss
    firsts = ((point, first_result(ledger, point)) for point in sorted(ledger.points) if point != BASELINE)
    scored = [
        (loss(result.values[0]), point)
        for point, result in firsts
        if result is not None
        and result.values is not None
        and max(ledger.violations(point), default=0.0) <= 0
    ]
    return [point for _, point in sorted(scored)[: ledger.sweep.repeats.top_k]]


def first_result(ledger: Ledger, point: int) -> TrialResult | None:
    """What came of the first trial of a point."""
    trials = ledger.points[point].trials
    return ledger.trials[trials[0]].result if trials else None
