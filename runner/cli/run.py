"""`runner run`: the options become a RunRequest; the rest happens elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from runner.assemble import assemble, working_directory
from runner.cli.clean_up import clean_up
from runner.cli.console import Console
from runner.cli.env_file import read_env_file
from runner.cli.order import show
from runner.cli.signals import signals_to
from runner.errors import ParameterError, RequestError, RunFailed, RunInterrupted, UnknownPlugin
from runner.model.run import Outcome, RunRequest, RunStatus
from runner.prepare import open_project, order_run
from runner.stop import Stop


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:  # noqa: ARG001
    """`NAME=VALUE` pairs, split at the first `=`; a repeated name is an error."""
    pairs: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ParameterError(f"{text!r} is not NAME=VALUE", name=name, hint="for example -P alpha=0.5")
        if name in pairs:
            raise ParameterError(f"{name} is given twice", name=name)
        pairs[name] = value
    return pairs


def _docker_args(
    ctx: click.Context,  # noqa: ARG001  # click's signature
    param: click.Parameter,  # noqa: ARG001  # click's signature
    values: tuple[str, ...],
) -> dict[str, str | bool]:
    """`NAME=VALUE` or a bare `NAME`, which is a flag."""
    return {
        name: value if equals else True for name, equals, value in (text.partition("=") for text in values)
    }


@click.command()
@click.argument("uri")
@click.option(
    "-e",
    "--entry-point",
    default="main",
    metavar="NAME",
    show_default=True,
    help="Entry point, sweep, or a .py or .sh file of the project.",
)
@click.option(
    "-v", "--version", "version", metavar="REVISION", help="Branch, tag or commit of a git project."
)
@click.option(
    "-P",
    "--param-list",
    "parameters",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="A parameter; repeat for more.",
)
@click.option(
    "-A",
    "--docker-args",
    "docker_args",
    multiple=True,
    callback=_docker_args,
    metavar="NAME=VALUE",
    help="An option for `docker run`, or a flag's bare name.",
)
@click.option("--experiment-name", metavar="NAME", help="Experiment of the run, created when missing.")
@click.option("--experiment-id", metavar="ID", help="Experiment of the run, by id.")
@click.option("-b", "--backend", default="local", show_default=True, metavar="NAME", help="Where to run.")
@click.option(
    "-c",
    "--backend-config",
    metavar="FILE|JSON",
    help="Configuration of the backend (the local one takes none).",
)
@click.option(
    "--env-manager",
    metavar="NAME",
    help="virtualenv, uv, conda, docker or local; default: by the project's files.",
)
@click.option(
    "--storage-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where remote `path` parameters are downloaded to.",
)
@click.option("--run-id", metavar="ID", help="Use this existing run instead of a new one.")
@click.option("--run-name", metavar="NAME", help="Name of the run.")
@click.option("--build-image", is_flag=True, help="Build a docker image with the project in it.")
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Set variables from a file of NAME=VALUE lines first.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be run, and start nothing.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the dry run, or the outcome, as JSON; the program's output goes to stderr.",
)
@click.option(
    "--sweep",
    "sweep_options",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="An option of the sweep, `max_trials=50` or `metric.goal=maximize`; repeat for more.",
)
@click.option(
    "--entry-point-only", is_flag=True, help="Take the entry point of that name, not the sweep of that name."
)
@click.option(
    "--new-sweep",
    is_flag=True,
    help="Begin anew, though the same sweep was interrupted and could be resumed.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only the program's output and errors.")
def run(
    uri: str,
    entry_point: str,
    version: str | None,
    parameters: dict[str, str],
    docker_args: dict[str, str | bool],
    experiment_name: str | None,
    experiment_id: str | None,
    backend: str,
    backend_config: str | None,
    env_manager: str | None,
    storage_dir: Path | None,
    run_id: str | None,
    run_name: str | None,
    build_image: bool,
    env_file: Path | None,
    dry_run: bool,
    as_json: bool,
    sweep_options: dict[str, str],
    entry_point_only: bool,
    new_sweep: bool,
    quiet: bool,
) -> int:
    """Run an entry point or a sweep of the project at URI and track it.

    URI is a directory, a git repository (https, ssh, file), or a zip; `#subdirectory` may follow.
    """
    if backend != "local":
        raise UnknownPlugin("backend", backend, ["local"])
    if backend_config and backend_config.strip() not in ("", "{}"):
        raise RequestError("the local backend takes no configuration", hint="leave --backend-config out")
    request = RunRequest(
        uri=uri,
        entry_point=entry_point,
        version=version,
        parameters=parameters,
        docker_args=docker_args,
        experiment_name=experiment_name,
        experiment_id=experiment_id,
        run_id=run_id,
        run_name=run_name,
        env_manager=env_manager,
        build_image=build_image,
        storage_dir=storage_dir,
    )
    environ: Mapping[str, str] = os.environ
    if env_file is not None:
        environ = {**os.environ, **read_env_file(env_file)}
    console = Console(quiet=quiet or as_json or dry_run, output_to_stderr=as_json)
    stop = Stop()
    try:
        with signals_to(stop):
            workshop = assemble(environ, listener=console, cwd=working_directory())
            with stop.interruptible():
                opened = open_project(request, workshop.wishes, console)
            if not entry_point_only and opened.project.sweep(entry_point) is not None:
                from runner.cli.sweep_run import SweepWishes, run_sweep

                wishes = SweepWishes(
                    options=sweep_options, anew=new_sweep, dry_run=dry_run, as_json=as_json, quiet=quiet
                )
                run_sweep(opened, request, workshop, console, wishes, stop)
                return 0
            if sweep_options or new_sweep:
                option = "--sweep" if sweep_options else "--new-sweep"
                raise _no_sweep(
                    option, opened.project.entry_point(entry_point).name, list(opened.project.sweeps)
                )
            spec = order_run(opened, request, workshop.wishes, console)
            if dry_run:
                show(spec, as_json=as_json)
                return 0
            clean_up(workshop, stop)
            outcome = workshop.inline(stop).submit(spec).result()
    finally:
        console.close()
    if as_json:
        click.echo(json.dumps(_as_json(outcome)))
    _raise_if_failed(outcome, stop)
    return 0


def _no_sweep(option: str, name: str, known: Sequence[str]) -> RequestError:
    return RequestError(
        f"{option} is for sweeps, and {name!r} is an entry point",
        hint=f"the project's sweeps: {', '.join(known)}" if known else "this project declares no sweeps",
    )


def _raise_if_failed(outcome: Outcome, stop: Stop) -> None:
    if outcome:
        return
    message = f"run {outcome.run_name} ({outcome.run_id}): {outcome.reason}"
    has_log = outcome.log_path is not None and outcome.log_path.exists()
    hint = f"its log is {outcome.log_path}" if has_log else None
    if outcome.status is RunStatus.KILLED:
        error = RunInterrupted(message, outcome=outcome, hint=hint)
        error.exit_code = 128 + (stop.signal_number or 2)
        raise error
    raise RunFailed(message, outcome=outcome, hint=hint)


def _as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "run_id": outcome.run_id,
        "run_name": outcome.run_name,
        "status": outcome.status.value,
        "exit_code": outcome.exit_code,
        "seconds": round(outcome.seconds, 3),
        "log_path": str(outcome.log_path),
        "reason": outcome.reason,
    }
