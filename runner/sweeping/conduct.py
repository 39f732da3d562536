"""A sweep, from its beginning or from where its journal ends, to its end and to the end of its run."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from runner.errors import RequestError
from runner.model.run import RunSpec
from runner.model.source import Checkout
from runner.model.sweep_order import SweepOrder
from runner.recording.open_run import OpenRun
from runner.sources.dirty import Limits
from runner.sources.progress import announced
from runner.sources.scratch import written_changes
from runner.sources.snapshot import snapshot
from runner.stop import Stop
from runner.sweeping.again import kept_sweep
from runner.sweeping.conductor import Conductor, SweepOutcome
from runner.sweeping.earlier import earlier_results
from runner.sweeping.entries import Began, Booked, Entry, Extended, Learned, Resumed
from runner.sweeping.folder import SweepFolder, sweep_folder
from runner.sweeping.ledger import Ledger
from runner.sweeping.order import (
    describe_order,
    describe_sweep,
    fingerprint,
    frozen_trial,
    parent_again,
    parent_of,
)
from runner.sweeping.parent_run import recorded
from runner.sweeping.slots import room_for
from runner.sweeping.taking import driving
from runner.sweeping.trial_spec import TrialTemplate
from runner.sweeping.work import Work

_SEED_BITS = 31


def begin(order: SweepOrder, conductor: Conductor, *, stop: Stop) -> SweepOutcome:
    """Runs a new sweep.

    Raises ProvisionError where the environment, the sources or the record cannot be had, RequestError where
    the machine has no room for a trial, or there is no sweep to start from. Trials that fail are part of the
    outcome.
    """
    sweep = order.sweep
    if sweep.seed is None:
        sweep = replace(sweep, seed=secrets.randbits(_SEED_BITS))
    order = replace(order, sweep=sweep)
    conductor.searcher_for(sweep)  # an engine that is missing is said before anything is recorded
    with stop.interruptible():
        room_for(sweep, conductor.environ)
        learned = earlier_results(sweep, conductor.recorder.client, conductor.settings.state_dir)
        run = conductor.recorder.open(parent_of(order, learned))
    folder = sweep_folder(conductor.settings.state_dir, run.run_id)
    with ExitStack() as held:

        def work() -> SweepOutcome:
            # Held until the run is closed: nobody goes on with the sweep before.
            held.enter_context(driving(folder, conductor.listener, stop))
            return _begin(order, learned, run, folder, conductor, stop)

        outcome = recorded(run, conductor, work)
        if outcome.is_booked:
            folder.journal.append(Booked(at_ms=_now_ms()))
        return outcome


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
    with driving(folder, conductor.listener, stop):
        entries = folder.journal.read()
        ledger = kept_sweep(folder, entries).ledger
        sweep = ledger.sweep
        _check_can_go_on(ledger, folder, extend_to)
        news: list[Entry] = [Resumed(at_ms=_now_ms())]
        if extend_to is not None:
            news.append(Extended(max_trials=extend_to, at_ms=_now_ms()))
        with stop.interruptible():
            run = conductor.recorder.open(parent_again(sweep, trial, folder.run_id, [*entries, *news]))
        folder.journal.append(*news)
        work = Work(
            run=run,
            folder=folder,
            conductor=conductor,
            template=TrialTemplate(sweep=sweep, spec=trial, kept=folder.trials),
            entries=[*entries, *news],
            stop=stop,
            resumed=True,
        )
        outcome = recorded(run, conductor, work.to_the_end)
        if outcome.is_booked:
            folder.journal.append(Booked(at_ms=_now_ms()))
        return outcome


def _begin(
    order: SweepOrder,
    learned: Learned | None,
    run: OpenRun,
    folder: SweepFolder,
    conductor: Conductor,
    stop: Stop,
) -> SweepOutcome:
    settings = conductor.settings
    with stop.interruptible(), announced(conductor.listener, "copying the sources"):
        frozen = snapshot(
            order.trial.checkout,
            folder.source,
            left_out=(settings.state_dir, settings.cache_dir),
            provenance_limits=Limits(
                file_bytes=settings.untracked_file_limit_bytes,
                total_bytes=settings.untracked_total_limit_bytes,
            ),
            listener=conductor.listener,
        )
        order = replace(order, trial=replace(order.trial, checkout=_as_frozen(order, frozen)))
        _record_order(order, run, settings.state_dir)
    trial = replace(
        frozen_trial(order.trial, frozen),
        parent_run_id=run.run_id,
        experiment_id=run.experiment_id,
        experiment_name=None,
        run_id=None,
        run_name=None,
    )
    entries: list[Entry] = [_began(order, run, frozen), *([learned] if learned else [])]
    folder.journal.append(*entries)
    work = Work(
        run=run,
        folder=folder,
        conductor=conductor,
        template=TrialTemplate(sweep=order.sweep, spec=trial, kept=folder.trials),
        entries=entries,
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
        tracking_uri=run.client.transport.target_uri,
        fingerprint=fingerprint(order),
        sweep=describe_sweep(order.sweep),
        order=describe_order(order, frozen),
        at_ms=_now_ms(),
    )


def _record_order(order: SweepOrder, run: OpenRun, state_dir: Path) -> None:
    run.record_order(partial(written_changes, order.trial.checkout.provenance, state_dir))
    run.record_sweep({"name": order.sweep.name, **describe_sweep(order.sweep)})


def _check_can_go_on(ledger: Ledger, folder: SweepFolder, extend_to: int | None) -> None:
    if extend_to is not None:
        if ledger.max_points is not None and extend_to <= ledger.max_points:
            raise RequestError(
                f"the sweep has {ledger.max_points} trials already", hint="give a larger number"
            )
        return
    if ledger.finished is not None and ledger.finished.state == "finished" and ledger.booked:
        raise RequestError(
            f"sweep {folder.run_id} is over: {ledger.finished.reason}",
            hint="`runner sweep extend` gives it more trials",
        )


def _now_ms() -> int:
    return int(time.time() * 1000)
