"""`runner sweep`: the sweeps of this machine, and what can be done with them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click

from runner.assemble import Workshop, assemble, working_directory
from runner.cli.console import Console
from runner.cli.signals import signals_to
from runner.cli.sweep_summary import as_json as summary_json
from runner.cli.sweep_summary import number, params_line, summary, trial_name
from runner.cli.wording import age, duration
from runner.errors import RequestError, RunnerError
from runner.model.trial import Trial
from runner.printable import on_one_line
from runner.settings import read_settings
from runner.stop import Stop
from runner.sweeping.again import KeptSweep, read_sweep
from runner.sweeping.folder import find_sweep, sweep_folders

_ROW = "{:<32}  {:<16}  {:<11}  {:>9}  {:<28}  {}"
_STOPPED_WITHIN_S = 60.0
_LOOK_S = 0.1


@click.group()
def sweep() -> None:
    """List, show, stop, resume and extend the sweeps of this machine.

    A sweep is named by the id of its run, or by the beginning of it.
    """


@sweep.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the sweeps, the latest first."""
    kept = []
    for folder in sweep_folders(read_settings(os.environ).state_dir):
        try:
            kept.append(read_sweep(folder))
        except RunnerError as error:
            click.echo(f"{click.style('warning:', fg='yellow')} {error}", err=True)
    if as_json:
        click.echo(json.dumps([_listed(one) for one in kept], indent=2))
        return
    if not kept:
        click.echo("no sweeps yet: `runner run -e SWEEP` begins one", err=True)
        return
    click.echo(_ROW.format("RUN", "SWEEP", "STATE", "TRIALS", "BEST", "BEGAN"))
    now = time.time()
    for one in kept:
        ledger = one.ledger
        total = "" if ledger.max_points is None else f"/{ledger.max_points}"
        click.echo(
            _ROW.format(
                one.folder.run_id,
                on_one_line(one.began.name)[:16],
                one.state,
                f"{len(ledger.over)}{total}",
                _best(one)[:28],
                age(now - one.began.at_ms / 1000),
            )
        )


@sweep.command()
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(run_id: str, as_json: bool) -> None:
    """Show a sweep: its summary, and all its trials."""
    kept = _kept(run_id)
    if as_json:
        described = summary_json(kept.ledger, run_id=kept.folder.run_id, state=kept.state, reason=kept.reason)
        click.echo(json.dumps(described, indent=2))
        return
    click.echo(summary(kept.ledger, state=kept.state, reason=kept.reason))
    rows = [_trial_row(kept, trial) for _, trial in sorted(kept.ledger.trials.items())]
    if not rows:
        return
    click.echo()
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row[:4], widths, strict=True))
        click.echo(f"{'  '.join(cells)}  {row[4]}".rstrip())


@sweep.command()
@click.argument("run_id")
@click.option("--now", is_flag=True, help="End the trials that are running, too.")
def stop(run_id: str, now: bool) -> None:
    """Stop a sweep that runs in another terminal: it launches no new trials, and can be resumed."""
    import signal

    kept = _kept(run_id)
    holder = kept.folder.lease.holder()
    if not kept.folder.is_driven() or holder is None or holder.owner is None:
        raise RequestError(f"sweep {kept.folder.run_id} does not run: it is {kept.state}")
    if holder.owner.is_alive() is None:
        raise RequestError(f"sweep {kept.folder.run_id} runs on another machine: {holder.owner.host}")
    os.kill(holder.owner.pid, signal.SIGTERM if now else signal.SIGINT)
    if not now:
        click.echo("it launches no new trials; those that run are finished", err=True)
        return
    deadline = time.monotonic() + _STOPPED_WITHIN_S
    while kept.folder.is_driven():
        if time.monotonic() > deadline:
            raise RequestError(f"the sweep has not ended within {_STOPPED_WITHIN_S:.0f} s", hint="try again")
        time.sleep(_LOOK_S)


@sweep.command()
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
def resume(run_id: str, as_json: bool, quiet: bool) -> int:
    """Go on with a sweep that was stopped, or whose process died: no finished trial is repeated."""
    return _go_on(run_id, None, as_json=as_json, quiet=quiet)


@sweep.command()
@click.argument("run_id")
@click.option(
    "--max-trials", type=click.IntRange(min=1), required=True, help="The new number of trials in all."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
def extend(run_id: str, max_trials: int, as_json: bool, quiet: bool) -> int:
    """Give a sweep more trials, and go on with it."""
    return _go_on(run_id, max_trials, as_json=as_json, quiet=quiet)


def _go_on(run_id: str, extend_to: int | None, *, as_json: bool, quiet: bool) -> int:
    from runner.cli.clean_up import clean_up
    from runner.cli.sweep_run import in_the_foreground
    from runner.sweeping.resuming import resume_sweep

    kept = _kept(run_id)
    console = Console(quiet=quiet or as_json)
    stop = Stop()
    cwd = working_directory()
    try:
        with signals_to(stop):
            workshop = _workshop_of(kept, console, cwd)
            clean_up(workshop, stop)
            in_the_foreground(
                lambda shop: resume_sweep(
                    kept, shop.wishes, shop.conductor(cwd), stop=stop, extend_to=extend_to
                ),
                workshop,
                console,
                stop,
                as_json=as_json,
                quiet=quiet,
            )
    finally:
        console.close()
    return 0


def _workshop_of(kept: KeptSweep, console: Console, cwd: Path) -> Workshop:
    """What writes to where the sweep is tracked, with the credentials configured for it, if any are."""
    workshop = assemble(os.environ, listener=console, cwd=cwd)
    if workshop.recorder().target_uri == kept.began.tracking_uri:
        return workshop
    environ = {**os.environ, "MLFLOW_TRACKING_URI": kept.began.tracking_uri}
    return assemble(environ, listener=console, cwd=cwd)


def _kept(run_id: str) -> KeptSweep:
    return read_sweep(find_sweep(read_settings(os.environ).state_dir, run_id))


def _best(kept: KeptSweep) -> str:
    best, point = kept.ledger.best_trial(), kept.ledger.best_point
    value = None if point is None else kept.ledger.value(point)
    if best is None or value is None:
        return "-"
    return f"{on_one_line(kept.ledger.sweep.objective.metric)} {number(value)} ({best.name})"


def _listed(kept: KeptSweep) -> dict[str, object]:
    described = summary_json(kept.ledger, run_id=kept.folder.run_id, state=kept.state, reason=kept.reason)
    del described["trials"]
    return {**described, "began_at_ms": kept.began.at_ms, "tracking_uri": kept.began.tracking_uri}


def _trial_row(kept: KeptSweep, trial: Trial) -> tuple[str, str, str, str, str]:
    result = trial.result
    name = trial_name(trial)
    if result is None:
        return name, params_line(trial.params), "-", "running" if kept.state == "running" else "open", ""
    value = "-" if result.values is None else " ".join(map(number, result.values))
    status = result.cause or ("stopped early" if result.stopped_early else "finished")
    return name, params_line(trial.params), value, status.replace("_", " "), duration(result.seconds)
