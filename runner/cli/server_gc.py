"""`runner server gc`: removes for good what was deleted long ago. A dry run unless told otherwise."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from runner.cli import store_options
from runner.cli.wording import age, count, size
from runner.errors import ProvisionError, RequestError
from runner.printable import on_one_line, printable

if TYPE_CHECKING:
    from tracking_server.gc.wish import Found, Wish

_ROW = "{:<10}  {:<34}  {:<24}  {:<11}  {:>9}  {:>7}  {:>8}  {}"


@click.command()
@store_options.backend_store_uri
@click.option(
    "--default-artifact-root",
    default=None,
    metavar="URI",
    help="As the server was given it.",
)
@click.option(
    "--artifacts-destination",
    default=None,
    metavar="DIR",
    help="As the server was given it. [default: mlartifacts beside the database]",
)
@click.option(
    "--older-than",
    default="30d",
    show_default=True,
    metavar="AGE",
    help="Only what was deleted so long ago, such as 12h or 2d8h; named runs: any age unless given.",
)
@click.option("--experiment-ids", metavar="ID,ID", help="Only these experiments and what is in them.")
@click.option("--run-ids", metavar="ID,ID", help="Only these runs and the models they made.")
@click.option("--leave-artifacts", is_flag=True, help="Remove runs even where their artifacts are elsewhere.")
@click.option("--yes", "--delete", "delete", is_flag=True, help="Really remove it; otherwise only say what.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def gc(
    context: click.Context,
    backend_store_uri: str | None,
    default_artifact_root: str | None,
    artifacts_destination: str | None,
    older_than: str,
    experiment_ids: str | None,
    run_ids: str | None,
    leave_artifacts: bool,
    delete: bool,
    as_json: bool,
) -> int:
    """Remove runs, logged models and experiments that were deleted long ago, with their artifacts.

    Without --yes nothing is removed: a table says what would go. May run beside a server.
    """
    aged = context.get_parameter_source("older_than") is not ParameterSource.DEFAULT or run_ids is None
    store = _as_a_server_would(backend_store_uri, default_artifact_root, artifacts_destination)
    wish = _wish(older_than if aged else "0s", run_ids, experiment_ids, leave_artifacts=leave_artifacts)
    found = _collected(store, wish, delete=delete)
    if as_json:
        _print_json(found, delete=delete)
    else:
        _print_table(found, delete=delete)
    return 0


def _as_a_server_would(uri: str | None, root: str | None, destination: str | None) -> list[str]:
    """The options that say which store it is, for the server's own parser."""
    argv = ["--backend-store-uri", store_options.store_uri(uri)]
    if root is not None:
        argv += ["--default-artifact-root", root]
    if destination is not None:
        argv += ["--artifacts-destination", destination]
    return argv


def _wish(older_than: str, run_ids: str | None, experiment_ids: str | None, *, leave_artifacts: bool) -> Wish:
    from tracking_server.errors import ServerError
    from tracking_server.gc.wish import Wish, age_ms, experiment_numbers

    try:
        return Wish(
            before_ms=time.time_ns() // 1_000_000 - age_ms(older_than) + 1,
            run_ids=None if run_ids is None else frozenset(_split(run_ids)),
            experiment_ids=None if experiment_ids is None else experiment_numbers(_split(experiment_ids)),
            leave_artifacts=leave_artifacts,
        )
    except ServerError as error:
        raise RequestError(str(error)) from error


def _split(ids: str) -> list[str]:
    return [part.strip() for part in ids.split(",") if part.strip()]


def _collected(store: list[str], wish: Wish, *, delete: bool) -> Iterator[Found]:
    """`collect`, with its errors as ours."""
    from tracking_server.cli import parse
    from tracking_server.errors import ServerError, StartRefused
    from tracking_server.gc.collect import collect

    again = "what was begun is finished by running the command again" if delete else None
    try:
        yield from collect(parse(store), wish, delete=delete)
    except StartRefused as error:
        raise RequestError(str(error)) from error
    except ServerError as error:
        raise ProvisionError(str(error), hint=again) from error
    except OSError as error:
        raise ProvisionError(f"artifacts cannot be read or removed: {error}", hint=again) from error


def _print_table(found: Iterator[Found], *, delete: bool) -> None:
    totals: Counter[str] = Counter()
    now = time.time()
    for thing in found:
        if not totals:
            click.echo(_ROW.format("KIND", "ID", "NAME", "DELETED", "POINTS", "FILES", "SIZE", "").rstrip())
        _add(totals, thing)
        when = "-" if thing.deleted_at_ms is None else age(now - thing.deleted_at_ms / 1000)
        remark = f"stays: {thing.kept}" if thing.kept is not None else thing.note or ""
        cells = (
            thing.kind,
            thing.id,
            _shortened(thing.name),
            when,
            thing.points or "-",
            thing.files or "-",
            size(thing.size_bytes) if thing.files else "-",
            printable(remark),
        )
        click.echo(_ROW.format(*cells).rstrip())
    verb = "removed" if delete else "would remove"
    gone = ", ".join(count(totals[kind], kind) for kind in ("run", "model", "experiment"))
    stays = f"; {totals['kept']} stay" if totals["kept"] else ""
    bytes_gone = f"{totals['files']} files of {size(totals['size_bytes'])}"
    click.echo(f"{verb} {gone}, {totals['points']} metric points, {bytes_gone}{stays}", err=True)
    if not delete and totals["gone"]:
        click.echo("nothing was changed: --yes removes it", err=True)


def _print_json(found: Iterator[Found], *, delete: bool) -> None:
    """One document, written as it comes: a store may hold a million deleted runs."""
    totals: Counter[str] = Counter()
    click.echo('{"things": [', nl=False)
    for number, thing in enumerate(found):
        _add(totals, thing)
        click.echo(("," if number else "") + "\n  " + json.dumps(_as_json(thing)), nl=False)
    summary = {
        "dry_run": not delete,
        "runs": totals["run"],
        "models": totals["model"],
        "experiments": totals["experiment"],
        "metric_points": totals["points"],
        "files": totals["files"],
        "size_bytes": totals["size_bytes"],
        "kept": totals["kept"],
    }
    click.echo("\n], " + json.dumps(summary)[1:])


def _add(totals: Counter[str], thing: Found) -> None:
    if thing.kept is not None:
        totals["kept"] += 1
        return
    totals["gone"] += 1
    totals[thing.kind] += 1
    totals["points"] += thing.points
    totals["files"] += thing.files
    totals["size_bytes"] += thing.size_bytes


def _as_json(thing: Found) -> dict[str, object]:
    return {
        "kind": thing.kind,
        "id": thing.id,
        "name": thing.name,
        "experiment_id": str(thing.experiment_id) if thing.experiment_id >= 0 else None,
        "deleted_at_ms": thing.deleted_at_ms,
        "metric_points": thing.points,
        "files": thing.files,
        "size_bytes": thing.size_bytes,
        "kept": thing.kept,
        "note": thing.note,
    }


def _shortened(text: str, width: int = 24) -> str:
    text = on_one_line(text)
    return text if len(text) <= width else f"{text[: width - 1]}…"
