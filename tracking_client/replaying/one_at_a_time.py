"""A store of offline runs is replayed by one process at a time: two would make every run twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "replay.lock"


@contextmanager
def replaying(database: Path) -> Iterator[bool]:
    """Whether this process may replay the store of `database`, until the end; else another one does.

    The lock (flock) goes with the process that has it. Raises OSError.
    """
    lock = os.open(database.with_name(_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


__all__ = ["replaying"]
