"""The trials of a sweep whose run is open and whose lease is held, from the first one to the last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from runner.environments.ensure import ensure
from runner.events import EnvironmentReady, SweepStarted, Warned
from runner.executors.hosted import Heard, HostedExecutor
from runner.model.run import Outcome, RunStatus
from runner.model.sweep import Sweep
from runner.recording.lost_runs import close_lost_runs
from runner.recording.open_run import OpenRun
from runner.search.stopping.protocol import Verdict
from runner.search.stopping.rules import rule_for, watched_objective
from runner.stop import Stop
from runner.sweeping.agenda import next_step
from runner.sweeping.asking import Asking
from runner.sweeping.books import Books, TrialEnd
from runner.sweeping.conductor import Conductor, SweepOutcome
from runner.sweeping.ending import Ending
from runner.sweeping.entries import Entry, Finished, Over
from runner.sweeping.folder import SweepFolder
from runner.sweeping.ledger import Ledger
from runner.sweeping.loop import Loop, LoopParts
from runner.sweeping.mirror import Mirror
from runner.sweeping.reusing import Reusing
from runner.sweeping.settling import Settling
from runner.sweeping.slots import room_for
from runner.sweeping.trial_spec import TrialTemplate
from runner.sweeping.watching import Watch, Watcher
from runner.sweeping.wishes import Ear, Wish, Wishes
from tracking_client.errors import TrackingError

_MIRROR_WITHIN_S = 30.0
_HURRIED_S = 5.0


@dataclass(slots=True, kw_only=True)
class Work:
    """The trials of a sweep whose run is open and whose lease is held."""

    run: OpenRun
    folder: SweepFolder
    conductor: Conductor
    template: TrialTemplate
    entries: list[Entry]
    stop: Stop
    resumed: bool

    def to_the_end(self) -> SweepOutcome:
        """Runs what is left to run."""
        started = time.monotonic()
        sweep = self.template.sweep
        ledger = Ledger(sweep)
        asking = Asking(self.conductor.searcher_for(sweep), ledger)
        books = Books(self.run.client, self.run.run_id, ledger)
        missed = self._replay(ledger, asking, books)
        self._announce(sweep, ledger)
        with self.stop.interruptible():
            self._ensure_environment()
            self._share_with_trials()
            slots, fewer = room_for(sweep, self.conductor.environ)
        if fewer:
            self._warn(fewer)
        mirror = Mirror(self._warn, books.show)
        mirror.do(books.state("running"))
        if missed:
            mirror.do(books.missed(missed))
        journal = self.folder.journal
        loop = Loop(
            LoopParts(
                journal=journal,
                ledger=ledger,
                asking=asking,
                template=self.template,
                slots=slots,
                settling=lambda post: Settling(sweep, self.run.client, post, self._warn),
                books=books,
                mirror=mirror,
                reusing=self._reusing() if sweep.reuse_finished else None,
                listener=self.conductor.listener,
                start_worker=self._worker,
                start_watcher=self._watcher,
                start_wishes=self._wishes,
                stop=self.stop,
            )
        )
        is_booked = False
        try:
            loop.run()
            if not loop.ending.is_hurried:
                self._close_what_a_worker_left()
            state, reason = _how_it_ended(ledger, loop.ending)
            journal.append(Finished(state=state, reason=reason, at_ms=_now_ms()))
            mirror.do(books.state(state))
        finally:
            journal.close()
            is_booked = mirror.close(_HURRIED_S if loop.ending.is_hurried else _MIRROR_WITHIN_S)
            if not is_booked:
                self._warn(
                    "the server did not take the sweep's last figures; `runner sweep resume` enters them"
                )
        status = {"finished": RunStatus.FINISHED, "stopped": RunStatus.KILLED}.get(state, RunStatus.FAILED)
        outcome = Outcome(
            run_id=self.run.run_id,
            run_name=self.run.run_name,
            status=status,
            exit_code=None,
            seconds=time.monotonic() - started,
            log_path=self.run.log_path,
            reason=reason,
        )
        return SweepOutcome(
            run=outcome, state=state, reason=reason, ledger=ledger, folder=self.folder, is_booked=is_booked
        )

    def _close_what_a_worker_left(self) -> None:
        """The runs of one that was killed while it told the server of their ends."""
        recorder = self.conductor.recorder
        try:
            close_lost_runs(recorder.tickets, deadline_s=_HURRIED_S, tracking_uri=recorder.uri)
        except (OSError, TrackingError) as error:
            self._warn(f"a run of this sweep may be open still; the next command closes it: {error}")

    def _replay(self, ledger: Ledger, asking: Asking, books: Books) -> list[tuple[int, TrialEnd]]:
        """Brings all up to where the journal ends; what the parent run has to show for it, end by end."""
        ends = []
        for entry in self.entries:
            ledger.apply(entry)
            asking.follow(entry)
            if isinstance(entry, Over) and entry.final:
                trial = ledger.trials[entry.trial]
                ends.append((len(ledger.over), books.trial_ended(trial, entry.at_ms)))
        return ends

    def _warn(self, message: str) -> None:
        self.conductor.listener(Warned(message=message))

    def _reusing(self) -> Reusing:
        return Reusing(self.run.client, self.run.experiment_id, self.conductor.listener)

    def _announce(self, sweep: Sweep, ledger: Ledger) -> None:
        self.conductor.listener(
            SweepStarted(
                run_id=self.run.run_id,
                run_name=self.run.run_name,
                tracking_uri=self.conductor.recorder.target_uri,
                experiment_id=self.run.experiment_id,
                sweep=sweep,
                total=ledger.max_points,
                trials=tuple(ledger.trials.values()),
                resumed=self.resumed,
            )
        )

    def _ensure_environment(self) -> None:
        """Builds what the trials need once, before the first of them, and with its progress shown."""
        settings = self.conductor.settings
        installer = {"RUNNER_INSTALLER": settings.installer} if settings.installer else {}
        started = time.monotonic()
        environment, built = ensure(
            self.template.spec.environment,
            cache_dir=settings.cache_dir,
            environ={**self.conductor.environ, **installer},
            listener=self.conductor.listener,
            timeout_s=settings.build_timeout_s,
        )
        self.run.record_environment(environment)
        self.conductor.listener(
            EnvironmentReady(
                fingerprint=environment.fingerprint, built=built, seconds=time.monotonic() - started
            )
        )

    def _share_with_trials(self) -> None:
        spec = self.template.spec
        shared = self.run.tags_for_children()
        self.template = replace(self.template, spec=replace(spec, tags={**spec.tags, **shared}))

    def _watcher(self, judged: Callable[[int, Verdict], None]) -> Watcher:
        sweep = self.template.sweep
        return Watcher(
            Watch(
                client=self.run.client,
                parent_run_id=self.run.run_id,
                experiment_id=self.run.experiment_id,
                objective=watched_objective(sweep),
                rule=rule_for(sweep),
                stop=judged,
                listener=self.conductor.listener,
            )
        )

    def _wishes(self, heard: Callable[[Wish], None]) -> Wishes:
        return Wishes(
            Ear(
                client=self.run.client,
                experiment_id=self.run.experiment_id,
                run_id=self.run.run_id,
                heard=heard,
                is_resumed=self.resumed,
            )
        )

    def _worker(self, heard: Callable[[Heard], None]) -> HostedExecutor:
        return HostedExecutor(
            self.folder.worker, environ=self.conductor.environ, cwd=self.conductor.cwd, heard=heard
        )


def _how_it_ended(ledger: Ledger, ending: Ending) -> tuple[str, str]:
    if ending.halt is not None:
        return ("failed" if ending.halt.is_failure else "finished"), ending.reason
    if next_step(ledger, frozenset()) is not None and ending.reason:
        return "stopped", ending.reason
    if ledger.over and ledger.best_trial() is None:
        if ledger.failed + ledger.stopped < len(ledger.over):
            return "failed", "no trial keeps the constraints"
        last = ledger.trials[ledger.over[-1]].result
        return "failed", f"no trial has a value; the last one: {last.reason if last else ''}"
    return "finished", "nothing is left to try" if ledger.exhausted else "the budget is used"


def _now_ms() -> int:
    return int(time.time() * 1000)
