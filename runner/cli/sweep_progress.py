"""What is known of a sweep while it runs, gathered from its news."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from runner.events import (
    EnvironmentProgress,
    EnvironmentReady,
    Event,
    SourceProgress,
    SweepEnding,
    SweepExtended,
    SweepStarted,
    TrialEnded,
    TrialProgress,
    TrialStarted,
)
from runner.model.sweep import Sweep
from runner.model.trial import Trial, TrialResult
from runner.sweeping.budget import points_in_all, trials_in_all

_POINTS = 64
_ENDS = 200


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that is over, and the last values that it logged."""

    trial: Trial
    result: TrialResult
    curve: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """A trial at work, since when (monotonic, s), and the last values that it logged."""

    trial: Trial
    since: float
    curve: tuple[float, ...]


class SweepProgress:
    """The state of a sweep that is drawn. Taken by several threads, read by one more."""

    def __init__(self) -> None:
        self.sweep: Sweep | None = None
        self.total: int | None = None
        self.over = 0
        self.failed = 0
        self.stopped_early = 0
        self.best: Trial | None = None
        self.baseline: float | None = None
        self.last_failure: tuple[Trial, TrialResult] | None = None
        self.ending: SweepEnding | None = None
        self.step = ""
        """What is being waited for before trials run; empty while they do."""
        self.started = time.monotonic()
        self._lock = threading.Lock()
        self._running: dict[int, tuple[Trial, float]] = {}
        self._curves: dict[int, deque[float]] = {}
        self._ended: deque[Ended] = deque(maxlen=_ENDS)
        self._seconds: list[float] = []

    def take(self, event: Event) -> None:
        """Takes the news."""
        with self._lock:
            if isinstance(event, SweepStarted):
                self._begin(event)
            elif isinstance(event, TrialStarted):
                self.step = ""
                self._running[event.trial.number] = event.trial, time.monotonic()
            elif isinstance(event, TrialProgress):
                self._curves.setdefault(event.number, deque(maxlen=_POINTS)).append(event.value)
            elif isinstance(event, TrialEnded):
                self._end(event)
            elif isinstance(event, SweepExtended):
                self._extend(event)
            elif isinstance(event, SweepEnding):
                self.ending = event
            elif isinstance(event, EnvironmentProgress):
                self.step = f"environment: {event.step}"
            elif isinstance(event, SourceProgress):
                self.step = event.step
            elif isinstance(event, EnvironmentReady):
                self.step = "starting the first trials"

    def _begin(self, event: SweepStarted) -> None:
        self.sweep = event.sweep
        self.total = trials_in_all(event.sweep, points_in_all(event.sweep, event.total))
        self.step = "starting"
        for trial in sorted(event.trials, key=lambda trial: trial.number):
            if trial.result is not None:
                self._count(trial, trial.result)
                self._ended.append(Ended(trial, trial.result, ()))

    def _extend(self, event: SweepExtended) -> None:
        assert self.sweep is not None
        self.total = trials_in_all(self.sweep, points_in_all(self.sweep, event.total))

    def _end(self, event: TrialEnded) -> None:
        self._running.pop(event.trial.number, None)
        curve = tuple(self._curves.pop(event.trial.number, ()))
        self.best = event.best
        if event.retried:
            return
        self._count(event.trial, event.result)
        if event.trial.number >= 0:
            self._seconds.append(event.result.seconds)
        self._ended.append(Ended(event.trial, event.result, curve))

    def _count(self, trial: Trial, result: TrialResult) -> None:
        if result.values is None and result.cause != "stopped":
            self.last_failure = trial, result
        if trial.number < 0:
            self.baseline = result.values[0] if result.values else None
            return
        self.over += 1
        self.failed += result.values is None and result.cause != "stopped"
        self.stopped_early += bool(result.stopped_early)

    def running(self) -> list[Running]:
        """The trials at work, in the order in which they were launched."""
        with self._lock:
            return [
                Running(trial, since, tuple(self._curves.get(number, ())))
                for number, (trial, since) in self._running.items()
            ]

    def ended(self) -> list[Ended]:
        """The latest trials that are over, the last one last."""
        with self._lock:
            return list(self._ended)

    def left_s(self) -> float | None:
        """How much longer it will take, by the trials that are over; None where that cannot be told."""
        with self._lock:
            if self.sweep is None or self.total is None or not self._seconds or self.ending is not None:
                return None
            mean = sum(self._seconds) / len(self._seconds)
            now = time.monotonic()
            done = sum(min(now - since, mean) for trial, since in self._running.values() if trial.number >= 0)
            slots = max(1, min(self.sweep.parallel, self.total))
            return max(0.0, (self.total - self.over) * mean - done) / slots
