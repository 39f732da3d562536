"""`runner import`: brings in what MLflow has recorded elsewhere."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.wording import count, duration, size
from runner.errors import ProvisionError, RequestError
from runner.printable import on_one_line, printable

if TYPE_CHECKING:
    from tracking_server.importing.importer import Importer
    from tracking_server.importing.records import Problem

INCOMPLETE = 5
"""The exit code of an import that went through everything and could not carry something of it."""
_REDRAW_S = 0.2
_COUNTED = (
    ("experiments", "experiment"),
    ("runs", "run"),
    ("metric_points", "metric point"),
    ("logged_models", "logged model"),
    ("registered_models", "registered model"),
    ("model_versions", "model version"),
    ("files", "file"),
)


@click.command("import")
@click.argument("uri")
@click.option("--to", "target", metavar="URI", help="Store or server. [default: this directory's mlruns.db]")
@click.option(
    "--artifacts-destination",
    metavar="DIR",
    help="Where the store keeps artifacts. [default: mlartifacts beside the database]",
)
@click.option("--default-artifact-root", metavar="URI", help="As the store's server was given it.")
@click.option(
    "--source-artifacts",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where mlflow-artifacts: URIs of a directory or database lead.",
)
@click.option("--no-artifacts", is_flag=True, help="Leave artifacts where they are.")
@click.option("--again", is_flag=True, help="Go through runs again that are here already.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_(
    uri: str,
    target: str | None,
    artifacts_destination: str | None,
    default_artifact_root: str | None,
    source_artifacts: Path | None,
    no_artifacts: bool,
    again: bool,
    as_json: bool,
) -> int:
    """Bring in everything from URI: an MLflow server, a directory mlruns/, or an MLflow database.

    May be interrupted and started again. Exit code 5: done, but something could not be carried.
    """
    from tracking_server.importing.importer import Importer
    from tracking_server.importing.opening import open_source, open_target
    from tracking_server.importing.protocols import SourceError, TargetError

    began = time.monotonic()
    problems: list[Problem] = []
    line = _Line(quiet=as_json)
    try:
        source = open_source(uri, environ=os.environ, proxied=source_artifacts)
    except SourceError as error:
        raise RequestError(str(error)) from error
    try:
        into = open_target(
            _store(target),
            environ=os.environ,
            artifacts_destination=artifacts_destination or "",
            default_artifact_root=default_artifact_root,
        )
        try:
            importer = Importer(
                source,
                into,
                artifacts=not no_artifacts,
                again=again,
                on_problem=problems.append,
                on_progress=lambda: line.draw(importer),
            )
            importer.run()
        finally:
            into.close()
    except (SourceError, TargetError) as error:
        raise ProvisionError(str(error), hint="run the command again: it goes on where it was") from error
    finally:
        line.clear()
        source.close()
    if as_json:
        click.echo(json.dumps(_as_json(importer, problems), indent=2))
    else:
        _print(importer, problems, time.monotonic() - began)
    return INCOMPLETE if any(problem.lost for problem in problems) else 0


def _store(target: str | None) -> str:
    """The target as a URI."""
    from runner.assemble import default_tracking_uri, working_directory

    uri = target or default_tracking_uri(working_directory())
    return uri if "://" in uri else default_tracking_uri(Path(uri))


class _Line:
    """One line on a terminal that says how far it is."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._drawn_at = 0.0

    def draw(self, importer: Importer) -> None:
        now = time.monotonic()
        if self._on and now - self._drawn_at > _REDRAW_S:
            self._drawn_at = now
            click.echo(f"\r\x1b[K{_counts(importer.carried) or 'reading'}", nl=False, err=True)

    def clear(self) -> None:
        if self._on and self._drawn_at:
            click.echo("\r\x1b[K", nl=False, err=True)


def _counts(counted: Counter[str]) -> str:
    return ", ".join(count(counted[key], noun) for key, noun in _COUNTED if counted[key])


def _print(importer: Importer, problems: list[Problem], took_s: float) -> None:
    for problem in problems:
        word = click.style("not carried" if problem.lost else "note", fg="red" if problem.lost else "yellow")
        click.echo(f"{word}: {on_one_line(problem.what)}: {printable(problem.why)}")
    lost = sum(problem.lost for problem in problems)
    click.echo(f"imported {_counts(importer.carried) or 'nothing'} in {duration(took_s)}", err=True)
    if importer.carried["bytes"]:
        click.echo(f"copied {size(importer.carried['bytes'])} of artifacts", err=True)
    if _counts(importer.passed):
        click.echo(f"passed over, since here already: {_counts(importer.passed)}", err=True)
    if lost:
        click.echo(f"{count(lost, 'thing')} could not be carried", err=True)


def _as_json(importer: Importer, problems: list[Problem]) -> dict[str, object]:
    return {
        "imported": {key: importer.carried[key] for key, _ in (*_COUNTED, ("bytes", ""))},
        "already_here": {"runs": importer.passed["runs"], "files": importer.passed["files"]},
        "problems": [
            {"kind": problem.kind, "what": problem.what, "why": problem.why, "lost": problem.lost}
            for problem in problems
        ],
    }
