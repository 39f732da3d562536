"""Runs a sweep in the foreground: begins it, or goes on with it, and says how it went."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import click

from runner.assemble import Workshop, working_directory
from runner.cli.clean_up import clean_up
from runner.cli.console import Console
from runner.cli.sweep_plan import show_plan
from runner.cli.sweep_summary import as_json as summary_json
from runner.cli.sweep_summary import summary
from runner.cli.sweep_view import SweepView
from runner.errors import RunFailed, RunInterrupted
from runner.model.run import RunRequest, RunStatus
from runner.prepare import OpenedProject, order_sweep
from runner.stop import Stop
from runner.sweeping.again import KeptSweep, interrupted_like
from runner.sweeping.conduct import begin
from runner.sweeping.conductor import SweepOutcome
from runner.sweeping.order import fingerprint
from runner.sweeping.resuming import resume_sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepWishes:
    """How a sweep is to be run: its options, and what is shown of it."""

    options: Mapping[str, str]
    anew: bool = False
    dry_run: bool = False
    as_json: bool = False
    quiet: bool = False


def run_sweep(
    opened: OpenedProject,
    request: RunRequest,
    workshop: Workshop,
    console: Console,
    wishes: SweepWishes,
    stop: Stop,
) -> None:
    """Runs the sweep that `request` names. One that was interrupted is gone on with, unless `anew`.

    Raises what `begin` raises; RunFailed and RunInterrupted where it did not finish.
    """
    cwd = working_directory()
    order = order_sweep(opened, request, workshop.wishes, wishes.options, base=cwd)
    if wishes.dry_run:
        show_plan(order, workshop, as_json=wishes.as_json)
        return
    clean_up(workshop, stop)
    kept = None if wishes.anew else interrupted_like(workshop.settings.state_dir, fingerprint(order))

    def conduct(workshop: Workshop) -> SweepOutcome:
        if kept is None:
            return begin(order, workshop.conductor(cwd), stop=stop)
        return resume_sweep(kept, workshop.wishes, workshop.conductor(cwd), stop=stop)

    if kept is not None:
        console.say(_goes_on(kept))
    in_the_foreground(conduct, workshop, console, stop, as_json=wishes.as_json, quiet=wishes.quiet)


def in_the_foreground(
    conduct: Callable[[Workshop], SweepOutcome],
    workshop: Workshop,
    console: Console,
    stop: Stop,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draws the sweep while `conduct` works, and prints its summary to stdout.

    Raises RunFailed and RunInterrupted where it did not finish.
    """
    view = SweepView(console, quiet=quiet or as_json)
    try:
        outcome = conduct(replace(workshop, listener=view))
    finally:
        view.close()
    ledger, run = outcome.ledger, outcome.run
    if as_json:
        described = summary_json(ledger, run_id=run.run_id, state=outcome.state, reason=outcome.reason)
        _print(json.dumps(described))
    elif not quiet:
        _print(summary(ledger, state=outcome.state, reason=outcome.reason, seconds=run.seconds))
    _raise_if_not_finished(outcome, stop)


def _print(text: str) -> None:
    try:
        click.echo(text)
    except OSError:
        # Whoever read it has left, or the terminal was closed; the sweep ended as it did all the same.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _goes_on(kept: KeptSweep) -> str:
    over = len(kept.ledger.over)
    return f"this sweep was interrupted after {over} trials and goes on (--new-sweep begins anew)"


def _raise_if_not_finished(outcome: SweepOutcome, stop: Stop) -> None:
    if outcome:
        return
    run = outcome.run
    message = f"sweep {run.run_name} ({run.run_id}): {outcome.reason}"
    if run.status is RunStatus.KILLED:
        hint = f"`runner sweep resume {run.run_id}` goes on with it"
        error = RunInterrupted(message, outcome=run, hint=hint)
        error.exit_code = 128 + (stop.signal_number or 2)
        raise error
    raise RunFailed(message, outcome=run, hint=f"`runner sweep show {run.run_id}` lists its trials")
