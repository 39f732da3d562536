"""The right to build or fetch, held by one at a time, on any file system and across machines.

`flock` is not enough: several network file systems lack it or keep it to one machine. A lease is a file that
appears by a hard link (atomic everywhere, NFS included) and says who holds it. The holder touches it every
few seconds. It is stale when its holder is dead, where that can be known (same host), or when it was not
touched for a while as measured by the waiter's own monotonic clock, so that clocks need not agree.

Holding a lease prevents needless work; correctness does not depend on it. Two holders at once (a machine that
slept, a frozen file system) build in directories of their own, and the first to publish wins.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from runner.owner import Owner

HEARTBEAT_S = 3.0
STALE_AFTER_S = 30.0


_POLL_S = 0.02


@contextmanager
def lease(path: Path, *, timeout_s: float) -> Iterator[bool]:
    """Waits until nobody else holds the lease on `path`, at most `timeout_s`; yields whether it is ours."""
    with Lease(path) as mine:
        deadline = time.monotonic() + timeout_s
        while not (taken := mine.try_take()) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        yield taken


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """What a lease file says: a token that no two leases share, and whose it is (None: unreadable)."""

    token: str
    owner: Owner | None


class Lease:
    """A lease on `path`, taken with `try_take` and given back with `release` or at the end of `with`.

    Not thread-safe: each thread that wants the lease makes its own.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.monotonic,
        heartbeat_s: float = HEARTBEAT_S,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        self.path = path
        self.token = secrets.token_hex(8)
        self._now = now
        self._heartbeat_s = heartbeat_s
        self._stale_after_s = stale_after_s
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0
        self._released = threading.Event()
        self._beating: threading.Thread | None = None

    def __enter__(self) -> Lease:  # noqa: PYI034  # typing.Self is newer than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def try_take(self) -> bool:
        """Takes the lease if nobody holds it, or if its holder is gone; returns whether it is ours now."""
        if self._create():
            self._start_heartbeat()
            return True
        stale = self._stale_holder()
        if stale is not None and self._break(stale) and self._create():
            self._start_heartbeat()
            return True
        return False

    def holder(self) -> LeaseHolder | None:
        """Who holds the lease now, or None."""
        seen = self._read()
        return seen[0] if seen else None

    def release(self) -> None:
        """Gives the lease back; does nothing if it is not, or no longer, ours."""
        self._released.set()
        if self._beating is not None:
            self._beating.join(5.0)
            self._beating = None
        holder = self.holder()
        if holder is not None and holder.token == self.token:
            self.path.unlink(missing_ok=True)

    def _create(self) -> bool:
        content = json.dumps({"token": self.token, "owner": Owner.current().as_json()}).encode()
        beside = self.path.with_name(f"{self.path.name}.{self.token}.new")
        try:
            self._write(beside, content)
            os.link(beside, self.path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
                raise
            return self._create_without_links(content)
        finally:
            beside.unlink(missing_ok=True)
        return True

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.write_bytes(content)
        except FileNotFoundError:  # the directory was pruned a moment ago
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _create_without_links(self, content: bytes) -> bool:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return True

    def _read(self) -> tuple[LeaseHolder, int] | None:
        """The holder and the time of the last touch. Opened anew, so that NFS asks the server."""
        try:
            with self.path.open("rb") as file:
                text = file.read()
                touched_ns = os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            return None
        try:
            value = json.loads(text)
            return LeaseHolder(token=str(value["token"]), owner=Owner.of(value["owner"])), touched_ns
        except (ValueError, KeyError, TypeError):
            return LeaseHolder(token=repr(text), owner=None), touched_ns

    def _stale_holder(self) -> LeaseHolder | None:
        seen = self._read()
        if seen is None:
            return None
        holder, touched_ns = seen
        if holder.owner is not None and holder.owner.is_alive() is False:
            return holder
        if self._seen != (holder.token, touched_ns):
            self._seen, self._seen_at = (holder.token, touched_ns), self._now()
            return None
        return holder if self._now() - self._seen_at > self._stale_after_s else None

    def _break(self, stale: LeaseHolder) -> bool:
        """Moves a stale lease aside. Had it changed hands meanwhile, it is put back."""
        aside = self.path.with_name(f"{self.path.name}.{self.token}.stale")
        try:
            os.rename(self.path, aside)
        except FileNotFoundError:
            return True
        try:
            taken = Lease(aside)._read()
            if taken is not None and taken[0].token != stale.token:
                # Should this fail, the owner notices at its next heartbeat, and may well build on.
                with suppress(OSError):
                    os.link(aside, self.path)
                return False
            return True
        finally:
            aside.unlink(missing_ok=True)

    def _start_heartbeat(self) -> None:
        self._released.clear()
        self._beating = threading.Thread(target=self._beat, name="runner-lease", daemon=True)
        self._beating.start()

    def _beat(self) -> None:
        while not self._released.wait(self._heartbeat_s):
            # A file system may be away for a moment: the next beat tries again.
            with suppress(OSError):
                holder = self.holder()
                if holder is None or holder.token != self.token:
                    return
                os.utime(self.path)
