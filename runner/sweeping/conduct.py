"""A sweep from its beginning, or from where its journal ends, to its end.

The parent run's record around it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.environments.ensure import ensure
from runner.errors import RecordingError, RequestError, RunnerError
from runner.events import EnvironmentReady, Listener, RunEnded, SweepStarted, Warned
from runner.executors.hosted import Heard, HostedExecutor
from runner.manifest.sweeps.record import sweep_from
from runner.model.run import Outcome, RunSpec, RunStatus
from runner.model.source import Checkout
from runner.model.sweep import Sweep
from runner.model.sweep_order import SweepOrder
from runner.recording.open_run import OpenRun
from runner.recording.ticket import Ending
from runner.search.stopping.protocol import Verdict
from runner.search.stopping.rules import rule_for, watched_objective
from runner.sources.snapshot import snapshot
from runner.stop import Stop, Stopped
from runner.sweeping.agenda import next_step
from runner.sweeping.asking import Asking
from runner.sweeping.books import Books
from runner.sweeping.entries import Began, Entry, Extended, Finished, Resumed
from runner.sweeping.folder import SweepFolder, sweep_folder
from runner.sweeping.halting import Halt
from runner.sweeping.ledger import Ledger
from runner.sweeping.loop import Loop, LoopParts
from runner.sweeping.mirror import Mirror
from runner.sweeping.order import (
    describe_order,
    describe_sweep,
    fingerprint,
    frozen_trial,
    parent_of,
    parent_spec,
)
from runner.sweeping.slots import slots_for, this_machine
from runner.sweeping.trial_spec import TrialTemplate
from runner.sweeping.watching import Watch, Watcher

if TYPE_CHECKING:
    from runner.recording.recorder import Recorder
    from runner.search.protocol import Searcher
    from runner.settings import Settings

_MIRROR_WITHIN_S = 30.0
_SEED_BITS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor:
    """What conducting needs beside the order. `searcher_for` makes the engine of a sweep."""

    recorder: Recorder
    settings: Settings
    listener: Listener
    environ: Mapping[str, str]
    cwd: Path
    searcher_for: Callable[[Sweep], Searcher]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOutcome:
    """What came of a sweep: its own run's outcome, and where all its trials stand."""

    run: Outcome
    state: str
    reason: str
    ledger: Ledger
    folder: SweepFolder

    def __bool__(self) -> bool:
        """Whether it finished."""
        return bool(self.run)


def begin(order: SweepOrder, conductor: Conductor, *, stop: Stop) -> SweepOutcome:
    """Runs a new sweep.

    Raises ProvisionError where the environment, the sources or the record cannot be had, RequestError where
    the machine has no room for a trial. Trials that fail are part of the outcome.
    """
    sweep = order.sweep
    if sweep.seed is None:
        sweep = replace(sweep, seed=secrets.randbits(_SEED_BITS))
    order = replace(order, sweep=sweep)
    conductor.searcher_for(sweep)  # an engine that is missing is said before anything is recorded
    with stop.interruptible():
        run = conductor.recorder.open(parent_of(order))
    folder = sweep_folder(conductor.settings.state_dir, run.run_id)
    return _recorded(run, conductor, lambda: _begin(order, run, folder, conductor, stop))


def resume(
    folder: SweepFolder,
    trial: RunSpec,
    conductor: Conductor,
    *,
    stop: Stop,
    extend_to: int | None = None,
) -> SweepOutcome:
    """Goes on with the sweep in `folder`; `trial` is the order for its trials (see `runner.prepare`).

    Raises RequestError where another process drives it, or it is over and not extended.
    """
    with folder.lease as mine:
        if not mine.try_take():
            raise _driven(folder)
        entries = folder.journal.read()
        _, sweep = began_of(entries)
        ledger = Ledger(sweep, entries)
        _check_can_go_on(ledger, folder, extend_to)
        with stop.interruptible():
            run = conductor.recorder.open(
                replace(parent_spec(sweep, trial), run_id=folder.run_id, run_name=None)
            )
        news: list[Entry] = [Resumed(at_ms=_now_ms())]
        if extend_to is not None:
            news.append(Extended(max_trials=extend_to, at_ms=_now_ms()))
        folder.journal.append(*news)
        work = _Work(
            run=run,
            folder=folder,
            conductor=conductor,
            template=TrialTemplate(sweep=sweep, spec=trial, kept=folder.trials),
            entries=[*entries, *news],
            stop=stop,
            resumed=True,
        )
        return _recorded(run, conductor, work.to_the_end)


def began_of(entries: list[Entry]) -> tuple[Began, Sweep]:
    """The first entry of a journal, and the sweep that it describes."""
    began = entries[0]
    assert isinstance(began, Began)
    return began, sweep_from(began.name, began.sweep)


def _begin(
    order: SweepOrder, run: OpenRun, folder: SweepFolder, conductor: Conductor, stop: Stop
) -> SweepOutcome:
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    with folder.lease as mine:
        if not mine.try_take():
            raise _driven(folder)
        with stop.interruptible():
            settings = conductor.settings
            frozen = snapshot(
                order.trial.checkout,
                folder.source,
                left_out=(settings.state_dir, settings.cache_dir),
                listener=conductor.listener,
            )
            order = replace(order, trial=replace(order.trial, checkout=_as_frozen(order, frozen)))
            _record_order(order, run)
        trial = replace(
            frozen_trial(order.trial, frozen),
            parent_run_id=run.run_id,
            experiment_id=run.experiment_id,
            experiment_name=None,
            run_id=None,
            run_name=None,
        )
        began = _began(order, run, frozen)
        folder.journal.append(began)
        work = _Work(
            run=run,
            folder=folder,
            conductor=conductor,
            template=TrialTemplate(sweep=order.sweep, spec=trial, kept=folder.trials),
            entries=[began],
            stop=stop,
            resumed=False,
        )
        return work.to_the_end()


def _as_frozen(order: SweepOrder, frozen: Checkout) -> Checkout:
    """The user's own directory, described as it was when it was frozen."""
    described = replace(frozen.provenance, repository_root=order.trial.checkout.provenance.repository_root)
    return replace(order.trial.checkout, provenance=described)


def _began(order: SweepOrder, run: OpenRun, frozen: Checkout) -> Began:
    return Began(
        name=order.sweep.name,
        run_id=run.run_id,
        run_name=run.run_name,
        experiment_id=run.experiment_id,
        tracking_uri=run.uri,
        fingerprint=fingerprint(order),
        sweep=describe_sweep(order.sweep),
        order=describe_order(order, frozen),
        at_ms=_now_ms(),
    )


def _record_order(order: SweepOrder, run: OpenRun) -> None:
    from runner.sources.dirty import write_artifacts

    provenance = order.trial.checkout.provenance

    def write_sources(into: Path) -> None:
        if provenance.dirty is not None and provenance.repository_root is not None:
            write_artifacts(provenance.dirty, provenance.repository_root, into)

    run.record_order(write_sources=write_sources)
    run.record_sweep({"name": order.sweep.name, **describe_sweep(order.sweep)})


def _recorded(run: OpenRun, conductor: Conductor, work: Callable[[], SweepOutcome]) -> SweepOutcome:
    """Does the work, and closes the parent run as it ended, whatever happens."""
    started = time.monotonic()
    try:
        outcome = work()
    except BaseException as error:
        _close(run, conductor, _ending_by(error), started)
        raise
    ending = Ending(status=outcome.run.status, exit_code=None, reason=outcome.reason, ended_at_ms=_now_ms())
    _close(run, conductor, ending, started)
    return outcome


def _close(run: OpenRun, conductor: Conductor, ending: Ending, started: float) -> None:
    try:
        run.close(ending)
    except RecordingError as error:
        conductor.listener(Warned(message=str(error)))
    conductor.listener(
        RunEnded(
            run_id=run.run_id,
            run_name=run.run_name,
            status=ending.status,
            exit_code=None,
            seconds=time.monotonic() - started,
        )
    )


def _ending_by(error: BaseException) -> Ending:
    if isinstance(error, (Stopped, KeyboardInterrupt)):
        return Ending(
            status=RunStatus.KILLED, exit_code=None, reason=str(error) or "stopped", ended_at_ms=_now_ms()
        )
    reason = str(error) if isinstance(error, RunnerError) else f"a fault of runner: {error!r}"
    return Ending(status=RunStatus.FAILED, exit_code=None, reason=reason, ended_at_ms=_now_ms())


@dataclass(slots=True, kw_only=True)
class _Work:
    """The trials of a sweep whose run is open and whose lease is held."""

    run: OpenRun
    folder: SweepFolder
    conductor: Conductor
    template: TrialTemplate
    entries: list[Entry]
    stop: Stop
    resumed: bool

    def to_the_end(self) -> SweepOutcome:
        started = time.monotonic()
        sweep = self.template.sweep
        ledger = Ledger(sweep)
        asking = Asking(self.conductor.searcher_for(sweep), ledger)
        for entry in self.entries:
            ledger.apply(entry)
            asking.follow(entry)
        self._announce(sweep, ledger)
        with self.stop.interruptible():
            self._ensure_environment()
            machine = this_machine(self.conductor.environ, with_gpus=sweep.resources.gpus > 0)
            slots, fewer = slots_for(sweep.parallel, sweep.resources, machine)
        if fewer:
            self.conductor.listener(Warned(message=fewer))
        books = Books(self.run.client, self.run.run_id, ledger)
        mirror = Mirror(lambda message: self.conductor.listener(Warned(message=message)))
        mirror.do(books.state("running"))
        loop = Loop(
            LoopParts(
                journal=self.folder.journal,
                ledger=ledger,
                asking=asking,
                template=self.template,
                slots=slots,
                client=self.run.client,
                books=books,
                mirror=mirror,
                listener=self.conductor.listener,
                start_worker=self._worker,
                start_watcher=self._watcher,
                stop=self.stop,
            )
        )
        try:
            loop.run()
            state, reason = _how_it_ended(ledger, loop.ending, loop.halt)
            self.folder.journal.append(Finished(state=state, reason=reason, at_ms=_now_ms()))
            mirror.do(books.state(state))
        finally:
            if not mirror.close(_MIRROR_WITHIN_S):
                self.conductor.listener(Warned(message="the server did not take the sweep's last figures"))
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
        return SweepOutcome(run=outcome, state=state, reason=reason, ledger=ledger, folder=self.folder)

    def _announce(self, sweep: Sweep, ledger: Ledger) -> None:
        self.conductor.listener(
            SweepStarted(
                run_id=self.run.run_id,
                run_name=self.run.run_name,
                tracking_uri=self.conductor.recorder.uri,
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

    def _worker(self, heard: Callable[[Heard], None]) -> HostedExecutor:
        return HostedExecutor(
            self.folder.worker, environ=self.conductor.environ, cwd=self.conductor.cwd, heard=heard
        )


def _how_it_ended(ledger: Ledger, ending: str, halted: Halt | None) -> tuple[str, str]:
    if halted is not None:
        return ("failed" if halted.is_failure else "finished"), ending
    if next_step(ledger, frozenset()) is not None and ending:
        return "stopped", ending
    if ledger.over and ledger.best_trial() is None:
        last = ledger.trials[ledger.over[-1]].result
        return "failed", f"no trial has a value; the last one: {last.reason if last else ''}"
    return "finished", ending or "the budget is used"


def _check_can_go_on(ledger: Ledger, folder: SweepFolder, extend_to: int | None) -> None:
    if extend_to is not None:
        if ledger.max_points is not None and extend_to <= ledger.max_points:
            raise RequestError(
                f"the sweep has {ledger.max_points} trials already", hint="give a larger number"
            )
        return
    if ledger.finished is not None and ledger.finished.state == "finished":
        raise RequestError(
            f"sweep {folder.run_id} is over: {ledger.finished.reason}",
            hint="`runner sweep extend` gives it more trials",
        )


def _driven(folder: SweepFolder) -> RequestError:
    holder = folder.lease.holder()
    who = (
        "" if holder is None or holder.owner is None else f" (pid {holder.owner.pid} on {holder.owner.host})"
    )
    return RequestError(
        f"sweep {folder.run_id} is being run by another process{who}",
        hint="wait for it, or stop it with `runner sweep stop`",
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
