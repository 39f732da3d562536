"""Gets files on disk beside the work: a thread waits for the disk, nobody else."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress

_waiting: deque[int] = deque()
_lock = threading.Lock()
_is_at_work = False


def sync_soon(descriptor: int) -> None:
    """Sees to it that the file is on disk soon, and closes the descriptor. Never raises; thread-safe."""
    global _is_at_work  # noqa: PLW0603  # one thread for the process, while there is something to do
    with _lock:
        _waiting.append(descriptor)
        if _is_at_work:
            return
        _is_at_work = True
    threading.Thread(target=_sync_what_waits, name="runner-sync", daemon=True).start()


def _sync_what_waits() -> None:
    global _is_at_work  # noqa: PLW0603
    while True:
        with _lock:
            if not _waiting:
                _is_at_work = False
                return
            descriptor = _waiting.popleft()
        with suppress(OSError):
            os.fsync(descriptor)
        os.close(descriptor)


def _after_fork() -> None:
    global _lock, _is_at_work  # the parent syncs what it has queued
    _lock, _is_at_work = threading.Lock(), False
    while _waiting:
        os.close(_waiting.popleft())


os.register_at_fork(after_in_child=_after_fork)
