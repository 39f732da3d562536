"""Where a sweep stands: what its journal says, summed up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median

from runner.model.space import Params
from runner.model.sweep import Aggregate, Sweep
from runner.model.trial import Trial, TrialResult
from runner.sweeping.entries import (
    Booked,
    Condemned,
    Entry,
    Exhausted,
    Extended,
    Finished,
    Launched,
    Opened,
    Over,
    Resumed,
    Suggested,
)

BASELINE = -1
"""The number of the baseline, as a trial and as a point."""


@dataclass(slots=True)
class Point:
    """A parameter set, and the numbers of the trials that evaluate it."""

    number: int
    params: Params
    origin: str = "search"
    trials: list[int] = field(default_factory=list)


class Ledger:
    """The state of a sweep, as of the entries so far. Not thread-safe."""

    def __init__(self, sweep: Sweep, entries: Iterable[Entry] = ()) -> None:
        self.sweep = sweep
        self.max_points = sweep.max_trials
        self.budgets = [sweep.max_trials]
        """In parameter sets: the one that it began with, and that of each extension."""
        self.points: dict[int, Point] = {}
        self.trials: dict[int, Trial] = {}
        self.attempts: dict[int, int] = {}
        """Of each trial, the number of its latest attempt."""
        self.slots: dict[int, int] = {}
        """Of each trial, the number of the slot that its latest attempt got."""
        self.condemned: dict[int, Condemned] = {}
        """Of each trial whose latest attempt a stopping rule ends, by which and why."""
        self.booked = False
        self.exhausted = False
        self.finished: Finished | None = None
        self.over: list[int] = []
        """The trials that have ended, in the order of their ends; the baseline is not among them."""
        self._open: set[int] = set()
        self._short: set[int] = set()
        self._best: int | None = None
        self._failed = 0
        self._stopped = 0
        self._stopped_early = 0
        self._reused = 0
        self._active_before_s = 0.0
        self._active_s = 0.0
        for entry in entries:
            self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Takes the next entry."""
        self._measure(entry)
        if isinstance(entry, Suggested):
            self.points[entry.point] = Point(entry.point, entry.params, entry.origin)
            if entry.point != BASELINE:
                self._short.add(entry.point)
        elif isinstance(entry, Launched):
            self._launch(entry)
        elif isinstance(entry, Opened):
            trial = self.trials[entry.trial]
            self.trials[entry.trial] = replace(trial, run_ids=(*trial.run_ids, entry.run_id))
        elif isinstance(entry, Condemned):
            self.condemned[entry.trial] = entry
        elif isinstance(entry, Over):
            self._end(entry)
        else:
            self._turn(entry)

    def _turn(self, entry: Entry) -> None:
        """Takes an entry that is about the sweep as a whole."""
        if isinstance(entry, Exhausted):
            self.exhausted = True
        elif isinstance(entry, Extended):
            self.max_points, self.finished, self.exhausted = entry.max_trials, None, False
            self.budgets.append(entry.max_trials)
        elif isinstance(entry, Finished):
            self.finished = entry
        elif isinstance(entry, Resumed):
            self.finished, self.booked = None, False
        elif isinstance(entry, Booked):
            self.booked = True

    def _measure(self, entry: Entry) -> None:
        if isinstance(entry, Resumed):
            self._active_before_s += self._active_s
            self._active_s = 0.0
        elif isinstance(entry, Over):
            self._active_s = max(self._active_s, entry.active_s)

    def _launch(self, entry: Launched) -> None:
        self.attempts[entry.trial] = entry.attempt
        self.slots[entry.trial] = entry.slot
        self.condemned.pop(entry.trial, None)
        if entry.trial not in self.trials:
            point = self.points[entry.point]
            point.trials.append(entry.trial)
            self._open.add(entry.trial)
            if len(point.trials) >= self.first_round:
                self._short.discard(entry.point)
            self.trials[entry.trial] = Trial(
                number=entry.trial, params=point.params, point=entry.point, repeat=entry.repeat
            )

    def _end(self, entry: Over) -> None:
        trial = self.trials[entry.trial]
        run_id = entry.result.run_id
        run_ids = trial.run_ids if run_id in trial.run_ids or not run_id else (*trial.run_ids, run_id)
        self.trials[entry.trial] = replace(
            trial, run_ids=run_ids, result=entry.result if entry.final else None
        )
        if not entry.final:
            return
        self._open.discard(entry.trial)
        if entry.trial == BASELINE:
            self._best = next(iter(self.ranked()), None)
            return
        self.over.append(entry.trial)
        is_stopped = entry.result.cause == "stopped"
        self._stopped += is_stopped
        self._failed += entry.result.values is None and not is_stopped
        self._stopped_early += bool(entry.result.stopped_early)
        self._reused += entry.result.reused
        self._compare(trial.point)

    def _compare(self, point: int) -> None:
        """Whether the point, of which a trial has just ended, is the best one now."""
        if self._best is None or self._best == point:
            # What was the best may have become worse by another repeat.
            self._best = next(iter(self.ranked()), None)
            return
        value, best = self.value(point), self.value(self._best)
        keeps = value is not None and max(self.violations(point), default=0.0) <= 0
        if keeps and value is not None and best is not None:
            loss = self.sweep.objective.loss
            if (loss(value), point) < (loss(best), self._best):
                self._best = point

    # What is to be known of it.

    @property
    def baseline(self) -> Trial | None:
        """The baseline, once it is launched."""
        return self.trials.get(BASELINE)

    @property
    def suggested(self) -> int:
        """How many points there are, without the baseline."""
        return len(self.points) - (BASELINE in self.points)

    def results(self, point: int) -> list[TrialResult]:
        """What came of the trials of a point that are over."""
        found = (self.trials[number].result for number in self.points[point].trials)
        return [result for result in found if result is not None]

    def is_over(self, point: int) -> bool:
        """Whether every trial of the point that was launched, and each of its first round, has ended."""
        held = self.points.get(point)
        if held is None:
            return False
        return len(held.trials) >= self.first_round and len(self.results(point)) == len(held.trials)

    @property
    def first_round(self) -> int:
        """How many trials each point gets at once."""
        repeats = self.sweep.repeats
        return 1 if repeats.top_k is not None else repeats.count

    def values(self, point: int) -> tuple[float, ...] | None:
        """The objectives of a point.

        Of several trials, the aggregate of those that have values; None for none.
        """
        rows = [result.values for result in self.results(point) if result.values is not None]
        if not rows:
            return None
        return tuple(_aggregate(column, self.sweep.repeats.aggregate) for column in zip(*rows, strict=True))

    def value(self, point: int) -> float | None:
        """The first objective of a point."""
        values = self.values(point)
        return None if values is None else values[0]

    def ranked(self) -> list[int]:
        """The points that have a value and keep the constraints, the best first.

        Of equals, the earlier one.
        """
        objective = self.sweep.objective
        valued = [(point, self.value(point)) for point in sorted(self.points) if point != BASELINE]
        scored = [
            (objective.loss(value), point)
            for point, value in valued
            if value is not None and max(self.violations(point), default=0.0) <= 0
        ]
        return [point for _, point in sorted(scored)]

    def violations(self, point: int) -> tuple[float, ...]:
        """By how much each constraint is violated, on average; infinite where the metric is missing."""
        from runner.sweeping.constraints import violations

        return violations(self, point)

    @property
    def best_point(self) -> int | None:
        """The first of `ranked`."""
        return self._best

    def best_trial(self) -> Trial | None:
        """The trial to show as the best: of the best point, the one with the best value of its own."""
        if self._best is None:
            return None
        objective = self.sweep.objective
        trials = [self.trials[number] for number in self.points[self._best].trials]
        valued = [
            (objective.loss(trial.result.values[0]), trial.number, trial)
            for trial in trials
            if trial.result is not None and trial.result.values is not None
        ]
        return min(valued, key=lambda item: item[:2])[2]

    @property
    def failed(self) -> int:
        """How many trials have no value, though nobody stopped them."""
        return self._failed

    @property
    def stopped(self) -> int:
        """How many trials were running when the search was ended, and have no value."""
        return self._stopped

    @property
    def stopped_early(self) -> int:
        """How many trials a stopping rule ended."""
        return self._stopped_early

    @property
    def reused(self) -> int:
        """How many trials were not run, because a run like them had finished before."""
        return self._reused

    @property
    def active_s(self) -> float:
        """How long processes have worked on the sweep, up to the last end of a trial."""
        return self._active_before_s + self._active_s

    @property
    def short(self) -> set[int]:
        """The points that have fewer trials than each gets at once."""
        return self._short

    def running(self) -> list[Trial]:
        """The trials that were launched and have not ended, the baseline first."""
        return [self.trials[number] for number in sorted(self._open)]


def _aggregate(values: Sequence[float], how: Aggregate) -> float:
    if how == "mean":
        return fmean(values)
    if how == "median":
        return median(values)
    return min(values) if how == "min" else max(values)
