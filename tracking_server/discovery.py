"""How a server of a local store is found, and how there is only one.

Beside a SQLite store `X.db` lie `X.db.lock`, held by an flock for as long as the server lives, and
`X.db.server`, which says where it listens. Format of the latter, readable by the owner alone:

    {"version": 1, "pid": 4711, "url": "http://127.0.0.1:40123", "token": "..." or null,
     "started_at_ms": 1700000000000}
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tracking_server.errors import StartRefused

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """Where a server listens. `token` None: it admits everybody who reaches it."""

    pid: int
    url: str
    token: str | None
    started_at_ms: int

    def write(self, path: Path) -> None:
        """Make this the content of `path`, whole or not at all. Raises OSError."""
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(
                    {
                        "version": VERSION,
                        "pid": self.pid,
                        "url": self.url,
                        "token": self.token,
                        "started_at_ms": self.started_at_ms,
                    },
                    file,
                )
            Path(name).replace(path)  # mkstemp made it readable by the owner alone
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @classmethod
    def read(cls, path: Path) -> Discovery | None:
        """What `path` says; None where it is absent or unreadable."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["version"] != VERSION:
                return None
            return cls(
                pid=int(found["pid"]),
                url=str(found["url"]),
                token=found["token"],
                started_at_ms=int(found["started_at_ms"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remove(self, path: Path) -> None:
        """Take `path` away if it still says this."""
        if Discovery.read(path) == self:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def lock_path(store: Path) -> Path:
    """The lock file of a SQLite store."""
    return store.with_name(store.name + ".lock")


def discovery_path(store: Path) -> Path:
    """The discovery file of a SQLite store."""
    return store.with_name(store.name + ".server")


def take_lock(store: Path) -> int:
    """Lock a store for this process's life; the open descriptor. Raises StartRefused where another has it."""
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock_path(store), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartRefused(f"Cannot lock {store}: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StartRefused(_taken(store)) from None
    except OSError as error:
        os.close(descriptor)
        raise StartRefused(f"Cannot lock {store}: {error}") from error
    return descriptor


def _taken(store: Path) -> str:
    other = Discovery.read(discovery_path(store))
    if other is None:
        return f"Another server is starting or stopping on {store}. Try again in a moment."
    message = f"Another server already runs on {store}: {other.url} (pid {other.pid}). "
    return message + "Use that one, or stop it first."
