"""Where runs go while no server can be told of them: a local store for each server that they are meant for.

Everything works there as on a server; `runner sync` replays it to the server it was meant for, or another.
`RUNNER_OFFLINE=1` asks for it; `RUNNER_OFFLINE=0` forbids it; without, a program whose first run finds that
no server answers goes offline by itself, and says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracking_client.context import STORE_URI, TRACKING_URI
from tracking_client.journal_folder import journal_folder

OFFLINE = "RUNNER_OFFLINE"

_FOLDER = "offline"
_DATABASE = "mlruns.db"
_TARGET = "target.json"
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineStore:
    """A store of runs that are to be replayed to `tracking_uri`."""

    database: Path
    tracking_uri: str


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether runs are kept here without asking a server."""
    return environ.get(OFFLINE, "").strip().lower() in _YES


def is_forbidden(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a server that does not answer is an error."""
    return environ.get(OFFLINE, "").strip().lower() in _NO


def is_of_local_store(uri: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `uri` is the address of a local store's server, which whoever launched this process has."""
    return bool(environ.get(STORE_URI)) and environ.get(TRACKING_URI) == uri


def database_for(tracking_uri: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The database for runs that are meant for the server at `tracking_uri`, which has no credentials.

    One for each machine, since a database may not be used from several over a network. Raises OSError.
    """
    import hashlib
    import socket

    digest = hashlib.sha256(tracking_uri.encode()).hexdigest()[:16]
    folder = journal_folder(environ) / _FOLDER / f"{digest}-{socket.gethostname()}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / _TARGET
    if not target.exists():
        incomplete = target.with_name(f".{_TARGET}.{os.getpid()}")
        incomplete.write_text(json.dumps({"tracking_uri": tracking_uri}) + "\n", encoding="utf-8")
        incomplete.replace(target)
    return folder / _DATABASE


def stores_in(folder: Path) -> list[OfflineStore]:
    """The stores of offline runs in the journal directory `folder`, by path."""
    found = []
    for target in sorted(folder.glob(f"{_FOLDER}/*/{_TARGET}")):
        database = target.with_name(_DATABASE)
        try:
            uri = str(json.loads(target.read_text(encoding="utf-8"))["tracking_uri"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if database.exists():
            found.append(OfflineStore(database=database, tracking_uri=uri))
    return found


__all__ = [
    "OFFLINE",
    "OfflineStore",
    "database_for",
    "is_forbidden",
    "is_of_local_store",
    "is_wanted",
    "stores_in",
]
