"""`runner sync`: sends what programs logged and did not live, or had no server, to send."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from runner.cli.wording import age, count
from runner.errors import ProvisionError, RequestError
from runner.printable import printable
from tracking_client import offline
from tracking_client.client import TrackingClient
from tracking_client.connection import CREDENTIALS
from tracking_client.context import TRACKING_URI
from tracking_client.errors import InvalidArgument, TrackingError
from tracking_client.journal.syncing import Abandoned, Synced, abandoned_in, in_use, sync
from tracking_client.journal_folder import journal_folders
from tracking_client.offline import OfflineStore
from tracking_client.replaying.one_at_a_time import replaying
from tracking_client.replaying.registry import RegistryReplay
from tracking_client.replaying.runs import Replay
from tracking_client.tracking_uri import LocalStore, parse
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
    if offline.is_wanted():
        raise RequestError(
            f"{offline.OFFLINE} is set: nothing is sent anywhere", hint=f"unset {offline.OFFLINE} to sync"
        )
    folders = journal_folders()
    waiting = [journal for folder in folders for journal in abandoned_in(folder)]
    stores = [store for folder in folders for store in offline.stores_in(folder)]
    if dry_run:
        _list(waiting, stores, uri, as_json=as_json)
        return 0
    # First what goes into the stores of offline runs, then what is in them.
    done = list(_synced(waiting, uri))
    replayed = [_replayed(store, uri or store.tracking_uri) for store in stores]
    busy = [path for folder in folders for path in in_use(folder)]
    if as_json:
        report = {
            "journals": [_as_json(each) for each in done],
            "offline": [asdict(each) for each in replayed],
            "in_use": len(busy),
        }
        click.echo(json.dumps(report, indent=2))
    else:
        _tell(done)
        _tell_replayed(replayed)
        if busy:
            click.echo(f"{count(len(busy), 'journal')} of programs that still run: these send it themselves")
        elif not done and not any(each.runs or each.versions for each in replayed):
            click.echo("nothing waits to be sent", err=True)
    _complain(done, replayed, folders[0])
    return 5 if any(each.refused for each in done) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a store of offline runs, and of what was registered in it."""

    database: str
    tracking_uri: str
    runs: int
    unfinished: int
    versions: int
    failure: str | None


def _complain(done: list[Synced], replayed: list[Replayed], folder: Path) -> None:
    """Raises ProvisionError where something could not be sent now."""
    failed = [each for each in done if each.failure is not None]
    reasons = [str(each.failure) for each in failed]
    reasons += [each.failure for each in replayed if each.failure is not None]
    if reasons:
        left = sum(each.left for each in failed)
        what = count(left, "value") if left else "some runs"
        raise ProvisionError(
            f"{what} could not be sent: {reasons[0]}",
            hint=f"they stay in {folder}; run `runner sync` again when the server answers",
        )


def _replayed(store: OfflineStore, uri: str) -> Replayed:
    drawn = _Line(f"replaying to {printable(uri)}", "runs")
    replay = _replay_of(store, uri)
    replay.progress = lambda _run: drawn(replay.replayed + 1)
    registry = RegistryReplay(runs=replay)
    failure = None
    try:
        with replaying(store.database) as is_ours:
            if is_ours:
                replay.all_runs()
                registry.all_models()
            else:
                failure = "another `runner sync` is replaying it now"
    except (TrackingError, OSError) as error:
        failure = str(error)
    drawn.clear()
    return Replayed(
        database=str(store.database),
        tracking_uri=uri,
        runs=replay.replayed,
        unfinished=replay.unfinished,
        versions=registry.replayed,
        failure=failure,
    )


def _tell_replayed(replayed: list[Replayed]) -> None:
    for each in replayed:
        if each.runs:
            click.echo(f"replayed {count(each.runs, 'offline run')} to {printable(each.tracking_uri)}")
        if each.versions:
            where = printable(each.tracking_uri)
            click.echo(f"registered {count(each.versions, 'model version')} at {where}")
        if each.unfinished:
            click.echo(f"{count(each.unfinished, 'offline run')} not ended yet: sent as far as it is")


def _synced(waiting: list[Abandoned], uri: str | None) -> Iterator[Synced]:
    for journal in waiting:
        # What is meant for a store of offline runs goes there first, wherever these go then.
        is_local = journal.about.tracking_uri.startswith("sqlite:")
        to = journal.about.tracking_uri if is_local or uri is None else uri
        drawn = _Line(f"sending to {printable(to)}", "values")
        elsewhere = to != journal.about.tracking_uri
        found = sync(journal.path, _transport(to, is_named=elsewhere), progress=drawn, elsewhere=elsewhere)
        drawn.clear()
        if found is not None:  # else somebody else was faster
            yield found


class _Line:
    """Progress on one line of a terminal, from the first second on."""

    def __init__(self, what: str, unit: str) -> None:
        self._what = what
        self._unit = unit
        self._since_s = time.monotonic()
        self._is_drawn = False

    def __call__(self, number: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - self._since_s > 1.0:
            self._is_drawn = True
            click.echo(f"\r\x1b[K{self._what}  {number:,} {self._unit}", nl=False, err=True)

    def clear(self) -> None:
        if self._is_drawn:
            click.echo("\r\x1b[K", nl=False, err=True)


def _transport(uri: str, *, is_named: bool = False) -> Transport:
    """How to reach a server that a journal names: credentials of the environment are for one that `is_named`
    now, else for the one that the environment names, if any: not for any that was logged to some day.
    """
    try:
        target = parse(uri)
        configured = os.environ.get(TRACKING_URI)
        if is_named or isinstance(target, LocalStore) or not configured or parse(configured) == target:
            return transport_for(uri)
        environ = {name: value for name, value in os.environ.items() if name not in CREDENTIALS}
        return Transport(target, environ=environ)
    except InvalidArgument as error:
        raise RequestError(str(error)) from error


def _replay_of(store: OfflineStore, uri: str) -> Replay:
    transport = _transport(uri, is_named=uri != store.tracking_uri)
    source = TrackingClient(f"sqlite:///{store.database}")
    return Replay(source=source, target=TrackingClient(uri, transport=transport))


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


def _list(waiting: list[Abandoned], stores: list[OfflineStore], uri: str | None, *, as_json: bool) -> None:
    offline_runs = [(uri or store.tracking_uri, *_waiting(store, uri)) for store in stores]
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
        runs = [
            {"tracking_uri": to, "runs": runs, "versions": versions} for to, runs, versions in offline_runs
        ]
        click.echo(json.dumps({"journals": rows, "offline": runs}, indent=2))
        return
    for journal in waiting:
        when = age(time.time() - journal.about.created_ms / 1000)
        where = printable(journal.about.tracking_uri)
        click.echo(f"would send to {where}  (of process {journal.about.pid}, begun {when})")
    for to, number, versions in offline_runs:
        if number:
            click.echo(f"would replay {count(number, 'offline run')} to {printable(to)}")
        if versions:
            click.echo(f"would register {count(versions, 'model version')} at {printable(to)}")
    if not waiting and not any(number or versions for _, number, versions in offline_runs):
        click.echo("nothing waits to be sent", err=True)


def _waiting(store: OfflineStore, uri: str | None) -> tuple[int, int]:
    """How many runs, and versions of registered models, there are to replay."""
    replay = _replay_of(store, uri or store.tracking_uri)
    return replay.waiting(), RegistryReplay(runs=replay).waiting()


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
