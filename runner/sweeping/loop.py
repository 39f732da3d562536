"""The loop of a sweep: ask, launch, hear, tell; each step is in the journal before it has an effect.

Everything that happens elsewhere (a trial's end, a rule's verdict, a wish to stop) comes through one inbox,
so that the loop has one thread and its state needs no locks.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runner.errors import ProvisionError, RunnerError
from runner.events import Listener, SweepEnding, TrialEnded, TrialStarted, Warned
from runner.executors.hosted import Heard, HostedExecutor
from runner.executors.messages import Ended, Said
from runner.executors.messages import Opened as RunOpened
from runner.executors.reports import Report
from runner.model.trial import TrialResult
from runner.search.stopping.protocol import Verdict
from runner.stop import Stop, Stopped
from runner.sweeping.agenda import Launch, Suggest, next_step
from runner.sweeping.asking import Asking
from runner.sweeping.books import Books
from runner.sweeping.budget import trials_in_all
from runner.sweeping.entries import Entry, Exhausted, Launched, Opened, Over, Suggested, token_of
from runner.sweeping.failures import may_retry
from runner.sweeping.halting import Halt, halt
from runner.sweeping.journal import Journal
from runner.sweeping.ledger import BASELINE, Ledger
from runner.sweeping.memory_kills import memory_kills
from runner.sweeping.mirror import Mirror
from runner.sweeping.results import lost_result, result_of
from runner.sweeping.slots import Slot
from runner.sweeping.tallying import count, tally_of
from runner.sweeping.trial_spec import TrialTemplate
from runner.sweeping.watching import Watcher
from tracking_client.client import TrackingClient
from tracking_client.errors import TrackingError

_LOOK_S = 0.1
_SETTLERS = 4
_SETTLE_AGAIN_S = 1.0
_MOST_LOSSES = 10
_WORKER_DEATHS = 5
_MOST_REQUESTS = 3


@dataclass(slots=True)
class Flight:
    """An attempt that the worker performs.

    `stopped_early` is the sentence of the rule that stopped it. `memory_kills` was the kernel's count
    at launch.
    """

    trial: int
    attempt: int
    slot: Slot
    memory_kills: int | None = None
    run_id: str = ""
    stopped_early: str = ""
    landed: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of an attempt is known."""

    token: str
    result: TrialResult


@dataclass(frozen=True, slots=True)
class Fault:
    """Something went wrong on another thread."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule wants a running trial to be stopped."""

    trial: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParts:
    """What the loop works with."""

    journal: Journal
    ledger: Ledger
    asking: Asking
    template: TrialTemplate
    slots: tuple[Slot, ...]
    client: TrackingClient
    books: Books
    mirror: Mirror
    listener: Listener
    start_worker: Callable[[Callable[[Heard], None]], HostedExecutor]
    start_watcher: Callable[[Callable[[int, Verdict], None]], Watcher]
    stop: Stop


class Loop:
    """Runs trials until the budget is used, or somebody or some rule stops it. Used by one thread."""

    def __init__(self, parts: LoopParts) -> None:
        self._parts = parts
        self._ledger = parts.ledger
        self._inbox: queue.SimpleQueue[Heard | Settled | Judged | Fault] = queue.SimpleQueue()
        self._flights: dict[str, Flight] = {}
        self._free = list(reversed(parts.slots))
        self._settling = ThreadPoolExecutor(_SETTLERS, thread_name_prefix="runner-settle")
        self._giving_up = False
        self._worker_deaths = 0
        self._requests_seen = 0
        self.ending = ""
        """Why no new trials are launched; empty while they are."""
        self.halt: Halt | None = None
        """The rule that ended the search, if one did."""
        self._tally = tally_of(parts.ledger)
        self._started = time.monotonic()
        self.worker = parts.start_worker(self._inbox.put)
        self.watcher = parts.start_watcher(lambda trial, verdict: self._inbox.put(Judged(trial, verdict)))

    def run(self) -> None:
        """Adopts what is running, and goes on until nothing is left to do."""
        try:
            self._adopt(self.worker.connect())
            self._remember_curves()
            self._halt_if_due()
            self._launch_what_fits()
            while self._flights:
                self._hear()
                self._obey()
                self._halt_if_due()
                self._launch_what_fits()
        except BaseException:
            self._cancel_all("stopped")
            raise
        finally:
            self._giving_up = True
            self.watcher.close()
            self._settling.shutdown(wait=False, cancel_futures=True)
            self.worker.close()

    # Launching.

    def _launch_what_fits(self) -> None:
        while self._free and not self.ending:
            in_flight = frozenset(flight.trial for flight in self._flights.values())
            step = next_step(self._ledger, in_flight)
            if step is None:
                return
            if isinstance(step, Launch):
                self._launch(
                    Launched(trial=step.trial, point=step.point, repeat=step.repeat, attempt=step.attempt)
                )
            elif isinstance(step, Suggest):
                params = self._parts.asking.suggest(step.number)
                if params is None:
                    self._note(Exhausted())
                    continue
                first = step.number * self._ledger.first_round
                self._launch(
                    Launched(trial=first, point=step.number), Suggested(point=step.number, params=params)
                )
            else:
                self._launch(
                    Launched(trial=BASELINE, point=BASELINE),
                    Suggested(point=BASELINE, params={}, origin="baseline"),
                )

    def _launch(self, launched: Launched, suggested: Suggested | None = None) -> None:
        self._note(*([suggested] if suggested else []), launched)
        trial = self._ledger.trials[launched.trial]
        flight = Flight(launched.trial, launched.attempt, self._free.pop(), memory_kills())
        self._flights[launched.token] = flight
        self._submit(launched.token, flight)
        self._parts.listener(TrialStarted(trial=trial, attempt=launched.attempt, slot=flight.slot.number))

    def _submit(self, token: str, flight: Flight) -> None:
        trial = self._ledger.trials[flight.trial]
        try:
            spec = self._parts.template.spec_for(trial, flight.attempt, flight.slot.variables)
        except RunnerError as error:
            self._land(token, Report.of_error(error))
            return
        self.worker.submit(token, spec, timeout_s=self._ledger.sweep.trial_timeout_s)

    def _adopt(self, known: frozenset[str]) -> None:
        """Takes over the attempts that were launched before; those of a dead worker are lost."""
        for trial in self._ledger.running():
            attempt = self._ledger.attempts[trial.number]
            token = token_of(trial.number, attempt)
            # More may be running than there are slots now.
            slot = self._free.pop() if self._free else Slot(number=-1)
            run_id = trial.run_ids[-1] if len(trial.run_ids) > attempt else ""
            self._flights[token] = Flight(trial.number, attempt, slot, memory_kills(), run_id)
            report = self.worker.folder.reports.read(token)
            if token in known:
                continue  # the worker says what became of it
            if report is not None:
                self._land(token, report)
            else:
                self._lose(token)

    # Hearing.

    def _hear(self) -> None:
        try:
            heard = self._inbox.get(timeout=_LOOK_S)
        except queue.Empty:
            return
        if isinstance(heard, Settled):
            self._settle(heard)
        elif isinstance(heard, RunOpened):
            self._opened(heard)
        elif isinstance(heard, Ended):
            self._land(heard.token, heard.report)
        elif isinstance(heard, Fault):
            raise heard.error
        elif isinstance(heard, Judged):
            self._stop_early(heard)
        elif isinstance(heard, Said):
            self._parts.listener(Warned(message=heard.message))
        else:
            self._worker_died()

    def _opened(self, opened: RunOpened) -> None:
        flight = self._flights.get(opened.token)
        if flight is None or flight.run_id == opened.run_id:
            return
        flight.run_id = opened.run_id
        self._note(Opened(trial=flight.trial, attempt=flight.attempt, run_id=opened.run_id), sync=False)

    def _land(self, token: str, report: Report) -> None:
        flight = self._flights.get(token)
        if flight is None:
            self.worker.forget(token)
            return
        if not flight.landed:
            flight.landed = True
            self._settling.submit(self._result, token, report, flight)

    def _result(self, token: str, report: Report, flight: Flight) -> None:
        # On another thread: the server may be away for a while, and the other trials go on.
        is_warned = False
        while not self._giving_up:
            try:
                result = result_of(
                    report,
                    self._ledger.sweep,
                    self._parts.client,
                    run_id=flight.run_id,
                    stopped_early=flight.stopped_early,
                    memory_kills=(memory_kills() or 0) - (flight.memory_kills or 0),
                )
            except TrackingError as error:
                if not is_warned:
                    self._parts.listener(Warned(message=f"a trial's result waits for the server: {error}"))
                    is_warned = True
                time.sleep(_SETTLE_AGAIN_S)
            except Exception as error:  # noqa: BLE001  # a fault of ours must not leave the loop waiting
                self._inbox.put(Fault(error))
                return
            else:
                self._inbox.put(Settled(token, result))
                return

    def _settle(self, settled: Settled) -> None:
        flight = self._flights.pop(settled.token)
        if flight.slot.number >= 0:
            self._free.append(flight.slot)
        is_final = not self._is_retried(settled.result, flight.attempt)
        self._end(flight, settled.result, final=is_final)
        self.worker.forget(settled.token)

    def _is_retried(self, result: TrialResult, attempt: int) -> bool:
        if result.cause == "stopped":
            # By a person, who may go on with the sweep: it is launched again then. By a rule: it is over.
            return self.halt is None
        return may_retry(self._ledger.sweep.retries, result.cause, attempt)

    def _end(self, flight: Flight, result: TrialResult, *, final: bool) -> None:
        at_ms = int(time.time() * 1000)
        self._note(Over(trial=flight.trial, attempt=flight.attempt, result=result, final=final, at_ms=at_ms))
        trial = self._ledger.trials[flight.trial]
        self._parts.mirror.do(self._parts.books.attempt_ended(result))
        if final:
            count(self._tally, self._ledger, trial)
            self._parts.mirror.do(self._parts.books.trial_ended(trial, at_ms))
        if result.run_id:
            self.watcher.ended(flight.trial, result.run_id)
        self._parts.listener(
            TrialEnded(
                trial=trial,
                result=result,
                best=self._ledger.best_trial(),
                over=len(self._ledger.over),
                retried=not final,
            )
        )

    def _lose(self, token: str) -> None:
        flight = self._flights.pop(token)
        if flight.slot.number >= 0:
            self._free.append(flight.slot)
        self._end(flight, lost_result(flight.run_id), final=flight.attempt >= _MOST_LOSSES)

    def _worker_died(self) -> None:
        self._worker_deaths += 1
        self._parts.listener(
            Warned(message="the process that performs the trials died; another one is started")
        )
        if self._worker_deaths > _WORKER_DEATHS:
            raise ProvisionError(
                "the process that performs the trials died again and again",
                hint=f"what it printed is in {self.worker.folder.log_path}",
            )
        self.worker = self._parts.start_worker(self._inbox.put)
        known = self.worker.connect()
        for token, flight in list(self._flights.items()):
            report = self.worker.folder.reports.read(token)
            if flight.landed or token in known:
                continue
            if report is not None:
                self._land(token, report)
            else:
                self._lose(token)

    # Stopping.

    def end(self, reason: str, *, stops_running: bool) -> None:
        """Launches nothing new; the first reason stays."""
        self.ending = self.ending or reason
        self._parts.listener(
            SweepEnding(reason=self.ending, running=len(self._flights), stops_running=stops_running)
        )
        if stops_running:
            self._cancel_all("stopped")

    def _obey(self) -> None:
        """The first Ctrl-C lets the running trials finish; a second one, and any other signal, stops them.

        After that nobody waits for them any longer. Raises Stopped.
        """
        stop = self._parts.stop
        if stop.request_count == self._requests_seen:
            return
        is_first, self._requests_seen = self._requests_seen == 0, stop.request_count
        name = signal.Signals(stop.signal_number or signal.SIGINT).name
        is_polite = is_first and stop.request_count == 1 and stop.signal_number == signal.SIGINT
        self.end(f"stopped by {name}", stops_running=not is_polite)
        if stop.request_count > _MOST_REQUESTS:
            raise Stopped(stop.signal_number or signal.SIGINT)

    def _halt_if_due(self) -> None:
        if self.ending:
            return
        seconds = self._ledger.active_s + time.monotonic() - self._started
        budget = trials_in_all(self._ledger.sweep, self._ledger.max_points)
        self.halt = halt(self._ledger.sweep, self._tally, seconds=seconds, budget=budget)
        if self.halt is not None:
            self.end(self.halt.reason, stops_running=self.halt.stops_running)

    def _remember_curves(self) -> None:
        """What earlier trials logged counts in comparisons, in a resumed sweep too."""
        for number in self._ledger.over:
            run_ids = self._ledger.trials[number].run_ids
            if run_ids:
                self.watcher.ended(number, run_ids[-1])
        self.watcher.start()

    def _cancel_all(self, why: str) -> None:
        for token in self._flights:
            self.worker.cancel(token, why)

    def _stop_early(self, judged: Judged) -> None:
        for token, flight in self._flights.items():
            if flight.trial == judged.trial and not flight.stopped_early and not flight.landed:
                flight.stopped_early = judged.verdict.reason
                self._parts.mirror.do(self._parts.books.stopped_early(flight.run_id, judged.verdict))
                self.worker.cancel(token, "early")

    def _note(self, *entries: Entry, sync: bool = True) -> None:
        self._parts.journal.append(*entries, sync=sync)
        for entry in entries:
            self._ledger.apply(entry)
            self._parts.asking.follow(entry)
