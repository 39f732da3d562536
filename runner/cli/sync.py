"""`runner sync`: sends what programs logged and did not live, or had no server, to send."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import click

from runner.cli.wording import age, count
from runner.errors import ProvisionError, RequestError
from runner.printable import printable
from tracking_client.errors import InvalidArgument
from tracking_client.journal.folder import journal_folders
from tracking_client.journal.syncing import Abandoned, Synced, abandoned_in, in_use, sync
from tracking_client.transport import Transport, transport_for

_SHOWN_REFUSALS = 5


@click.command("sync")
@click.option("--to", "uri", metavar="URI", help="Send to this tracking server, not to each journal's own.")
@click.option("--dry-run", is_flag=True, help="Only say what waits.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sync_(uri: str | None, dry_run: bool, as_json: bool) -> int:
    """Send what programs logged before they died or while no server could be reached.

    May be interrupted and started again: nothing is sent twice in effect. Exit code 3: some of it could not
    be sent now; 5: all of it was sent, but the server refused some.
    """
    folders = journal_folders()
    waiting = [journal for folder in folders for journal in abandoned_in(folder)]
    if dry_run:
        _list(waiting, as_json=as_json)
        return 0
    done = list(_synced(waiting, _transport(uri) if uri else None))
    busy = [path for folder in folders for path in in_use(folder)]
    if as_json:
        click.echo(json.dumps({"journals": [_as_json(each) for each in done], "in_use": len(busy)}, indent=2))
    else:
        _tell(done)
        if busy:
            click.echo(f"{count(len(busy), 'journal')} of programs that still run: these send it themselves")
        elif not done:
            click.echo("nothing waits to be sent", err=True)
    failed = [each for each in done if each.failure is not None]
    if failed:
        left = sum(each.left for each in failed)
        raise ProvisionError(
            f"{count(left, 'value')} could not be sent: {failed[0].failure}",
            hint=f"they stay in {failed[0].path.parent}; run `runner sync` again when the server answers",
        )
    return 5 if any(each.refused for each in done) else 0


def _synced(waiting: list[Abandoned], to: Transport | None) -> Iterator[Synced]:
    for journal in waiting:
        drawn = _Line(f"sending to {printable(journal.about.tracking_uri)}")
        transport = to or _transport(journal.about.tracking_uri)
        found = sync(journal.path, transport, progress=drawn)
        drawn.clear()
        if found is not None:  # else somebody else was faster
            yield found


class _Line:
    """Progress on one line of a terminal, from the first second on."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since_s = time.monotonic()
        self._is_drawn = False

    def __call__(self, values: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - self._since_s > 1.0:
            self._is_drawn = True
            click.echo(f"\r\x1b[K{self._what}  {values:,} values", nl=False, err=True)

    def clear(self) -> None:
        if self._is_drawn:
            click.echo("\r\x1b[K", nl=False, err=True)


def _transport(uri: str) -> Transport:
    try:
        return transport_for(uri)
    except InvalidArgument as error:
        raise RequestError(str(error)) from error


def _tell(done: list[Synced]) -> None:
    for each in done:
        when = age(time.time() - each.about.created_ms / 1000)
        click.echo(
            f"sent {each.shipped:,} values to {printable(each.about.tracking_uri)}"
            f"  (of process {each.about.pid}, begun {when})"
        )
        if each.torn:
            click.echo(f"  {count(each.torn, 'value')} cut off in the middle, lost with the program")
        for refusal in each.refused[:_SHOWN_REFUSALS]:
            click.echo(f"  refused: run {refusal.entry.run_id}: {printable(str(refusal.error))}")
        if len(each.refused) > _SHOWN_REFUSALS:
            click.echo(f"  and {len(each.refused) - _SHOWN_REFUSALS:,} more were refused")


def _list(waiting: list[Abandoned], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "path": str(journal.path),
                "tracking_uri": journal.about.tracking_uri,
                "pid": journal.about.pid,
                "created_ms": journal.about.created_ms,
            }
            for journal in waiting
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for journal in waiting:
        when = age(time.time() - journal.about.created_ms / 1000)
        where = printable(journal.about.tracking_uri)
        click.echo(f"would send to {where}  (of process {journal.about.pid}, begun {when})")
    if not waiting:
        click.echo("nothing waits to be sent", err=True)


def _as_json(each: Synced) -> dict[str, object]:
    return {
        "path": str(each.path),
        "tracking_uri": each.about.tracking_uri,
        "pid": each.about.pid,
        "created_ms": each.about.created_ms,
        "shipped": each.shipped,
        "torn": each.torn,
        "refused": [
            {"run_id": refusal.entry.run_id, "error": str(refusal.error)} for refusal in each.refused
        ],
        "left": each.left,
        "failure": None if each.failure is None else str(each.failure),
    }
