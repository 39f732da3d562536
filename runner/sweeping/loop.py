"""The loop of a sweep: ask, launch, hear, tell; each launch is on disk before it has an effect.

The end of a trial is in the journal before anybody hears of it, and on disk before its report goes.

Everything that happens elsewhere (a trial's end, a rule's verdict, a wish to stop) comes through one inbox,
so that the loop has one thread and its state needs no locks.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass

from runner.errors import ProvisionError, RunnerError
from runner.events import Listener, SweepExtended, TrialEnded, TrialStarted, Warned
from runner.executors.hosted import Heard, HostedExecutor
from runner.executors.messages import Ended, Said
from runner.executors.messages import Opened as RunOpened
from runner.executors.reports import Report
from runner.model.run import RunSpec
from runner.model.trial import TrialResult
from runner.search.stopping.protocol import Verdict
from runner.stop import Stop
from runner.sweeping.agenda import next_step
from runner.sweeping.asking import Asking
from runner.sweeping.books import Books
from runner.sweeping.ending import Ending
from runner.sweeping.entries import Condemned, Entry, Extended, Launched, Opened, Over
from runner.sweeping.failures import may_retry
from runner.sweeping.flights import Flight, Flights
from runner.sweeping.journal import Journal
from runner.sweeping.launching import entries_for
from runner.sweeping.ledger import Ledger
from runner.sweeping.memory_kills import memory_kills
from runner.sweeping.mirror import Mirror
from runner.sweeping.order import budget_tags
from runner.sweeping.results import lost_result
from runner.sweeping.reusing import Reusing
from runner.sweeping.settling import Fault, Settled, Settling, Unsettled
from runner.sweeping.slots import Slot
from runner.sweeping.trial_spec import TrialTemplate
from runner.sweeping.watching import Watcher
from runner.sweeping.wishes import Wish, Wishes, answered, refused

_LOOK_S = 0.1
_MOST_LOSSES = 10
_DEATHS_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule wants a running trial to be stopped."""

    trial: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParts:
    """What the loop works with. `reusing` is None where every trial is to be run."""

    journal: Journal
    ledger: Ledger
    asking: Asking
    template: TrialTemplate
    slots: tuple[Slot, ...]
    settling: Callable[[Callable[[object], None]], Settling]
    books: Books
    mirror: Mirror
    reusing: Reusing | None
    listener: Listener
    start_worker: Callable[[Callable[[Heard], None]], HostedExecutor]
    start_watcher: Callable[[Callable[[int, Verdict], None]], Watcher]
    start_wishes: Callable[[Callable[[Wish], None]], Wishes]
    stop: Stop


class Loop:
    """Runs trials until the budget is used, or somebody or some rule stops it. Used by one thread."""

    def __init__(self, parts: LoopParts) -> None:
        self._parts = parts
        self._ledger = parts.ledger
        self._inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        # Trials one after another stay so, and a result that may decide what comes next is waited for.
        frees_early = len(parts.slots) > 1 and not self._ledger.sweep.waits_for_results
        self._flights = Flights(parts.slots, frees_early=frees_early)
        self._ended: list[str] = []
        self._settling = parts.settling(self._inbox.put)
        self._worker_deaths = 0
        self.ending = Ending(parts.ledger, parts.stop, parts.listener)
        self.worker = parts.start_worker(self._inbox.put)
        self.watcher = parts.start_watcher(lambda trial, verdict: self._inbox.put(Judged(trial, verdict)))
        self.wishes = parts.start_wishes(self._inbox.put)

    def run(self) -> None:
        """Adopts what is running, and goes on until nothing is left to do."""
        try:
            self._adopt(self.worker.connect())
            self._remember_curves()
            self._halt_if_due()
            self._launch_what_fits()
            self._forget_what_is_noted()
            while self._flights:
                self._hear()
                self._obey()
                self._halt_if_due()
                self._launch_what_fits()
                self._forget_what_is_noted()
        except BaseException:
            self._cancel_all("stopped")
            raise
        finally:
            self._settling.close()
            self.wishes.close()
            self.watcher.close()
            self.worker.close(at_once=bool(self._flights))

    # Launching.

    def _launch_what_fits(self) -> None:
        while not self.ending.reason and (slot := self._flights.free_slot()) is not None:
            step = next_step(self._ledger, self._flights.trials)
            if step is None:
                return
            entries = entries_for(step, slot.number, self._ledger, self._parts.asking)
            self._note(*entries)
            launched = entries[-1]
            if isinstance(launched, Launched):
                self._launch(launched, slot)

    def _launch(self, launched: Launched, slot: Slot) -> None:
        trial = self._ledger.trials[launched.trial]
        flight = Flight(launched.trial, launched.attempt, slot, memory_kills())
        self._flights.begin(flight)
        self._parts.listener(TrialStarted(trial=trial, attempt=launched.attempt, slot=slot.number))
        try:
            spec = self._parts.template.spec_for(trial, launched.attempt, slot)
        except RunnerError as error:
            self._land(flight, Report.of_error(error))
            return
        if not self._is_reused(flight, spec):
            self.worker.submit(flight.token, spec, timeout_s=self._ledger.sweep.trial_timeout_s)

    def _is_reused(self, flight: Flight, spec: RunSpec) -> bool:
        if self._parts.reusing is None:
            return False
        result = self._parts.reusing.result_for(spec, self._ledger)
        if result is None:
            return False
        self._flights.end(flight)
        self._end(flight, result, final=True)
        self._halt_if_due()
        return True

    def _adopt(self, known: frozenset[str]) -> None:
        """Takes over the attempts that were launched before; those of a dead worker are lost."""
        for trial in self._ledger.running():
            attempt = self._ledger.attempts[trial.number]
            slot = self._flights.slot(self._ledger.slots[trial.number])
            run_id = trial.run_ids[-1] if len(trial.run_ids) > attempt else ""
            flight = Flight(trial.number, attempt, slot, memory_kills(), run_id)
            self._flights.begin(flight)
            condemned = self._ledger.condemned.get(trial.number)
            if condemned is not None:
                flight.stopped_early = condemned.reason
                self.worker.cancel(flight.token, "early")
        for token in self.worker.folder.reports.tokens():
            if self._flights.get(token) is None:
                self.worker.forget(token)  # what became of it is in the journal
        self._take_stock(known)

    def _take_stock(self, known: frozenset[str]) -> None:
        """Of each attempt: the worker will say what became of it, or left a report of it, or it is lost."""
        for flight in self._flights:
            if flight.landed or flight.token in known:
                continue
            report = self.worker.folder.reports.read(flight.token)
            if report is not None:
                self._land(flight, report)
            else:
                self._lose(flight)

    # Hearing.

    def _hear(self) -> None:
        try:
            heard = self._inbox.get(timeout=_LOOK_S)
        except queue.Empty:
            return
        if isinstance(heard, (Settled, Unsettled)):
            self._settle(heard)
        elif isinstance(heard, RunOpened):
            self._opened(heard)
        elif isinstance(heard, Ended):
            flight = self._flights.get(heard.token)
            if flight is None:
                self.worker.forget(heard.token)
            else:
                self._land(flight, heard.report)
        elif isinstance(heard, Fault):
            raise heard.error
        elif isinstance(heard, Judged):
            self._stop_early(heard)
        elif isinstance(heard, Wish):
            self._grant(heard)
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

    def _land(self, flight: Flight, report: Report) -> None:
        if not flight.landed:
            flight.landed = True
            self._settling.begin(flight, report)

    def _settle(self, settled: Settled | Unsettled) -> None:
        flight = self._flights.get(settled.token)
        assert flight is not None
        self._flights.end(flight)
        if isinstance(settled, Unsettled):
            return  # whoever resumes the sweep finds its report
        if settled.result.cause != "lost":
            self._worker_deaths = 0
        self._end(flight, settled.result, final=not self._is_retried(settled.result, flight.attempt))

    def _forget_what_is_noted(self) -> None:
        # One wait for the disk serves the end of a trial and the launch of the next one.
        if self._ended:
            self._parts.journal.sync()
            for token in self._ended:
                self.worker.forget(token)
            self._ended.clear()

    def _is_retried(self, result: TrialResult, attempt: int) -> bool:
        if self.ending.halt is not None:
            return False
        if result.cause == "stopped":
            return True  # by a person, who may go on with the sweep: it is launched again then
        return may_retry(self._ledger.sweep.retries, result.cause, attempt)

    def _end(self, flight: Flight, result: TrialResult, *, final: bool) -> None:
        at_ms = int(time.time() * 1000)
        over = Over(
            trial=flight.trial,
            attempt=flight.attempt,
            result=result,
            final=final,
            at_ms=at_ms,
            active_s=self.ending.active_s,
        )
        self._note(over, sync=False)
        self._ended.append(flight.token)
        trial = self._ledger.trials[flight.trial]
        if not final:
            self._parts.mirror.do(self._parts.books.attempt_ended(result))
        if final:
            self.ending.count(trial)
            self._parts.mirror.trial_ended(self._parts.books.trial_ended(trial, at_ms))
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

    def _lose(self, flight: Flight) -> None:
        self._flights.end(flight)
        is_final = self.ending.halt is not None or flight.attempt >= _MOST_LOSSES
        self._end(flight, lost_result(flight.run_id), final=is_final)

    def _worker_died(self) -> None:
        self._worker_deaths += 1
        self._parts.listener(
            Warned(message="the process that performs the trials died; another one is started")
        )
        if self._worker_deaths > _DEATHS_IN_A_ROW:
            raise ProvisionError(
                "the process that performs the trials died again and again",
                hint=f"what it printed is in {self.worker.folder.log_path}",
            )
        self.worker.close()
        self.worker = self._parts.start_worker(self._inbox.put)
        self._take_stock(self.worker.connect())

    # Stopping.

    def _obey(self) -> None:
        if self.ending.is_asked_for(len(self._flights)):
            self._settling.hurry()
            self._cancel_all("stopped")

    def _halt_if_due(self) -> None:
        if self.ending.is_due(len(self._flights)):
            self._cancel_all("stopped")

    def _remember_curves(self) -> None:
        """What earlier trials logged counts in comparisons, in a resumed sweep too."""
        for number in self._ledger.over:
            run_ids = self._ledger.trials[number].run_ids
            if run_ids:
                self.watcher.ended(number, run_ids[-1])
        self.watcher.start()
        self.wishes.start()

    def _grant(self, wish: Wish) -> None:
        """Does what somebody wants, and tells them."""
        refusal = refused(wish, self._ledger, is_ending=bool(self.ending.reason))
        tags = answered(refusal or f"“{wish.text}” was heard and done")
        if refusal:
            pass
        elif wish.extend_to is None:
            self.ending.is_wished(len(self._flights), stops_running=wish.stops_running)
            if wish.stops_running:
                self._settling.hurry()
                self._cancel_all("stopped")
        else:
            self._note(Extended(max_trials=wish.extend_to, at_ms=int(time.time() * 1000)))
            self._parts.listener(SweepExtended(total=wish.extend_to))
            tags |= budget_tags(self._ledger.sweep, self._ledger.budgets)
        self._parts.mirror.do(self._parts.books.note(tags))

    def _cancel_all(self, why: str) -> None:
        for flight in self._flights:
            self.worker.cancel(flight.token, why)

    def _stop_early(self, judged: Judged) -> None:
        for flight in self._flights:
            if flight.trial == judged.trial and not flight.stopped_early and not flight.landed:
                verdict = judged.verdict
                self._note(
                    Condemned(
                        trial=flight.trial,
                        attempt=flight.attempt,
                        rule=verdict.rule,
                        reason=verdict.reason,
                        step=verdict.step,
                        rung=verdict.rung,
                    )
                )
                flight.stopped_early = verdict.reason
                self.worker.cancel(flight.token, "early")

    def _note(self, *entries: Entry, sync: bool = True) -> None:
        self._parts.journal.append(*entries, sync=sync)
        for entry in entries:
            self._ledger.apply(entry)
            self._parts.asking.follow(entry)
