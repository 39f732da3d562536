"""Single flight: one process at a time does what all of them would do.

Nothing is correct because of a lease: everything under one is built beside and renamed, so two at once
cost time only. That is why a lease that cannot be had (a file system without locks, an owner that hangs)
is done without. The kernel ends it with its process, however that dies.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_S = 0.02


@contextmanager
def lease(path: Path, *, timeout_s: float) -> Iterator[bool]:
    """Waits until no other thread or process holds `path`, at most `timeout_s`; yields whether it is ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield _acquire(descriptor, timeout_s)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
                return False
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
