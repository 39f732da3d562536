"""Sweeps without processes: the real agenda, ledger and asking, with trials that take simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from pathlib import Path

from runner.model.run import RunStatus
from runner.model.space import Params
from runner.model.sweep import Sweep
from runner.model.trial import TrialResult
from runner.search.protocol import Searcher
from runner.sweeping.agenda import Launch, Suggest, next_step
from runner.sweeping.asking import Asking
from runner.sweeping.entries import Began, Entry, Exhausted, Launched, Over, Suggested
from runner.sweeping.ledger import BASELINE, Ledger

Objective = Callable[[Params, int], "float | None"]
"""The value of parameters in their repeat; None: the trial fails."""


class Simulation:
    """Runs a sweep on `workers` slots. `seconds(trial)` says how long each trial takes."""

    def __init__(
        self,
        sweep: Sweep,
        searcher: Searcher,
        objective: Objective,
        *,
        workers: int = 1,
        seconds: Callable[[int], float] = lambda _: 1.0,
        entries: tuple[Entry, ...] = (),
    ) -> None:
        self.ledger = Ledger(sweep)
        self.asking = Asking(searcher, self.ledger)
        self.entries: list[Entry] = []
        self._objective = objective
        self._workers = workers
        self._seconds = seconds
        self._running: list[tuple[float, int, int]] = []
        self.now = 0.0
        for entry in entries or (began(sweep),):
            self._note(entry)

    def run(self, *, most_events: int | None = None) -> Simulation:
        """Goes on to the end, or until so many trials have ended: as if killed at that moment."""
        self._launch()
        while self._running and most_events != 0:
            self.now, trial, attempt = heapq.heappop(self._running)
            self._note(Over(trial=trial, attempt=attempt, result=self._result(trial)))
            most_events = None if most_events is None else most_events - 1
            self._launch()
        return self

    @property
    def suggestions(self) -> list[Params]:
        """The parameters of the points, in order."""
        return [self.ledger.points[number].params for number in sorted(self.ledger.points) if number >= 0]

    def _launch(self) -> None:
        while len(self._running) < self._workers:
            step = next_step(self.ledger, frozenset(trial for _, trial, _ in self._running))
            if step is None:
                return
            if isinstance(step, Launch):
                launched = Launched(
                    trial=step.trial, point=step.point, repeat=step.repeat, attempt=step.attempt
                )
                self._start(launched)
            elif isinstance(step, Suggest):
                params = self.asking.suggest(step.number)
                if params is None:
                    self._note(Exhausted())
                    continue
                trial = step.number * self.ledger.first_round
                self._start(
                    Launched(trial=trial, point=step.number), Suggested(point=step.number, params=params)
                )
            else:
                self._start(Launched(trial=BASELINE, point=BASELINE), Suggested(point=BASELINE, params={}))

    def _start(self, launched: Launched, suggested: Suggested | None = None) -> None:
        for entry in ([suggested] if suggested else []) + [launched]:
            self._note(entry)
        heapq.heappush(
            self._running, (self.now + self._seconds(launched.trial), launched.trial, launched.attempt)
        )

    def _result(self, number: int) -> TrialResult:
        trial = self.ledger.trials[number]
        value = 1.0 if number == BASELINE else self._objective(trial.params, trial.repeat)
        if value is None:
            return TrialResult(run_id=f"run-{number}", status=RunStatus.FAILED, cause="crashed")
        return TrialResult(run_id=f"run-{number}", status=RunStatus.FINISHED, values=(value,))

    def _note(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.ledger.apply(entry)
        self.asking.follow(entry)


def began(sweep: Sweep) -> Began:
    """The first entry of a journal."""
    return Began(
        name=sweep.name,
        run_id="parent",
        run_name="p",
        experiment_id="0",
        tracking_uri="sqlite:///" + str(Path("/x.db")),
        fingerprint="f",
        sweep={},
        order={},
        at_ms=0,
    )


class Counting:
    """A searcher that is as easy to check as it is sensitive to what it is told, and when."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.calls: list[tuple[object, ...]] = []

    def suggest(self, number: int) -> Params | None:
        """A digest of all that was added and told so far."""
        if self.most is not None and number >= self.most:
            return None
        import hashlib

        return {"x": hashlib.sha256(repr((number, self.calls)).encode()).hexdigest()[:12]}

    def add(self, number: int, params: Params) -> None:
        """Remembers the call."""
        self.calls.append(("add", number, tuple(params.items())))

    def tell(self, number: int, told: object) -> None:
        """Remembers the call."""
        self.calls.append(("tell", number, repr(told)))

    def learn(self, history: object) -> None:
        """Remembers the call."""
        self.calls.append(("learn", repr(history)))
