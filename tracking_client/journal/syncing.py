"""Shipping what dead processes left in their journals."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tracking_client.client import TrackingClient
from tracking_client.errors import ServerFault, TrackingError
from tracking_client.journal.file_sending import FileSender
from tracking_client.journal.refusal import FAULT, Refusal
from tracking_client.journal.shipping import Window, owners_in, ship_window, unshipped
from tracking_client.journal.spool import About, Spool, all_in, read_about, remove_remains
from tracking_client.running import is_running
from tracking_client.transport import Transport

ATTEMPT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """The journal of a process that is dead, as far as can be told: nobody holds its lock."""

    path: Path
    about: About


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What became of one journal: values by what happened to them, and why it was not finished, if so."""

    path: Path
    about: About
    shipped: int
    torn: int
    refused: tuple[Refusal, ...]
    left: int
    failure: TrackingError | OSError | None


def abandoned_in(folder: Path) -> Iterator[Abandoned]:
    """The journals in `folder` that nobody writes or ships, oldest first."""
    remove_remains(folder)
    for path in all_in(folder):
        spool = Spool.adopt(path)
        if spool is not None:
            about = spool.about
            spool.leave()
            yield Abandoned(path=path, about=about)


def in_use(folder: Path) -> list[Path]:
    """The journals in `folder` that a living process has."""
    return [path for path in all_in(folder) if _about(path) is not None and not _is_free(path)]


def sync(
    path: Path,
    transport: Transport,
    *,
    until_s: float = float("inf"),
    progress: Callable[[int], None] = lambda _values: None,
    elsewhere: bool = False,
) -> Synced | None:
    """Ships a dead process's journal to `transport` and removes it; None where somebody has it.

    `elsewhere` says that this is not where the journal was meant to go: nothing is sent where a run is not
    there, since what a server refuses is not sent again. May be ended and begun again at any moment. Stops
    when the monotonic clock says `until_s`. `progress` is told the number of values shipped so far. Raises
    nothing: a failure is in the result.
    """
    spool = Spool.adopt(path)
    if spool is None:
        return None
    shipped, torn = 0, 0
    refused: list[Refusal] = []
    failure: TrackingError | OSError | None = None
    sender = FileSender(transport)
    try:
        if elsewhere:
            _find_owners(spool, transport)
        while time.monotonic() < until_s:
            window = _next_window(spool, transport, sender)
            shipped, torn = shipped + window.shipped, torn + window.torn
            refused.extend(window.refused)
            if window.is_empty:
                if spool.unshipped_bytes:  # the last line was cut, and nobody is there to go on
                    torn += 1
                break
            progress(shipped)
    except (TrackingError, OSError) as error:
        failure = error
    left = unshipped(spool)
    spool.finish()
    return Synced(
        path=path,
        about=spool.about,
        shipped=shipped,
        torn=torn,
        refused=tuple(refused),
        left=left,
        failure=failure,
    )


def _find_owners(spool: Spool, transport: Transport) -> None:
    """Raises NotFound where a run or model of the journal is not on the server; else as `ship_window`."""
    client = TrackingClient(transport.target_uri, transport=transport)
    for is_model, owner_id in sorted(owners_in(spool)):
        if is_model:
            client.get_logged_model(owner_id)
        else:
            client.get_run(owner_id)


def _next_window(spool: Spool, transport: Transport, sender: FileSender) -> Window:
    """Ships the next window, whose writer may have sent it before it died."""
    try:
        return ship_window(spool, transport, sender, is_repeated=True)
    except ServerFault as error:
        if error.status != FAULT:
            raise
        # `transport` has tried often: it may be one value, which is searched for without such patience.
        hasty = transport.apart(ATTEMPT_S, max_retries=0)
        return ship_window(spool, hasty, sender, is_stuck=True, is_repeated=True)


def sync_left_behind(folder: Path, transport: Transport, tracking_uri: str, *, until_s: float) -> bool:
    """Ships the journals of dead processes in `folder` that are meant for `tracking_uri`.

    Returns whether nothing of dead processes is left there, to be shipped again or by others who are at it.
    Raises OSError.
    """
    is_all_shipped = True
    remove_remains(folder)
    for path in all_in(folder):
        about = _about(path)
        if about is None or about.tracking_uri != tracking_uri:
            continue
        synced = sync(path, transport, until_s=until_s)
        if synced is None:
            is_all_shipped &= not path.exists() or _is_its_writers(about)
        else:
            is_all_shipped &= synced.failure is None and not synced.left
    return is_all_shipped


def is_left_behind(folder: Path, tracking_uri: str, run_id: str) -> bool:
    """Whether a dead process's journal in `folder` holds what `tracking_uri` is to be told of this run.

    One that another process ships at the moment counts as well. Raises OSError.
    """
    for path in all_in(folder):
        about = _about(path)
        if about is None or about.tracking_uri != tracking_uri:
            continue
        spool = Spool.adopt(path)
        if spool is None:
            if path.exists() and not _is_its_writers(about):
                return True
            continue
        try:
            if (False, run_id) in owners_in(spool):
                return True
        finally:
            spool.leave()
    return False


def _is_its_writers(about: About) -> bool:
    """Whether the process that wrote a journal lives, as far as can be seen from here: it has the journal."""
    return about.host != socket.gethostname() or is_running(about.pid)


def _about(path: Path) -> About | None:
    try:
        return read_about(path)
    except (OSError, ValueError, KeyError):
        return None


def _is_free(path: Path) -> bool:
    spool = Spool.adopt(path)
    if spool is None:
        return False
    spool.leave()
    return True


__all__ = [
    "ATTEMPT_S",
    "Abandoned",
    "Synced",
    "abandoned_in",
    "in_use",
    "is_left_behind",
    "sync",
    "sync_left_behind",
]
