"""Directories for what nobody gave a place: they go with the process, however it ends.

All of a process are in one, `runner-tmp-<random>` in the temporary directory, whose file `lock` the process
holds (flock). It is removed at exit. What a killed process left, the next one that needs such a directory
removes.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "runner-tmp-"
_LOCK = "lock"
_own: tuple[int, Path, int] | None = None  # the process, its directory and the lock that it holds
_own_lock = threading.Lock()


def new_directory(prefix: str) -> Path:
    """A new empty directory, which is there until this process ends. Raises OSError. Safe in threads."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_directory_of_this_process()))


@contextlib.contextmanager
def scratch_directory(prefix: str) -> Iterator[Path]:
    """A new empty directory, which is there until the end of the block. Raises OSError. Safe in threads."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=_directory_of_this_process()) as directory:
        yield Path(directory)


def _directory_of_this_process() -> Path:
    global _own  # noqa: PLW0603  # one for each process
    with _own_lock:
        if _own is None or _own[0] != os.getpid() or not _own[1].is_dir():
            above = Path(tempfile.gettempdir())
            _remove_those_of_the_dead(above)
            made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=above))
            lock = os.open(made / f"{_LOCK}.new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            with contextlib.suppress(OSError):  # a file system without locks: nobody else ever removes it
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (made / f"{_LOCK}.new").rename(made / _LOCK)  # it is never seen without being held
            _own = (os.getpid(), made, lock)
            atexit.register(_remove_own, made, os.getpid())
        return _own[1]


def _remove_own(directory: Path, pid: int) -> None:
    if os.getpid() == pid:  # not in a child of a fork, which has our handlers
        shutil.rmtree(directory, ignore_errors=True)


def _remove_those_of_the_dead(above: Path) -> None:
    for directory in above.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = directory.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
                _remove_if_dead(directory)


def _remove_if_dead(directory: Path) -> None:
    # Raises OSError where the lock is held, or is still to be made.
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    finally:
        os.close(lock)


def _after_fork() -> None:
    global _own_lock  # noqa: PLW0603  # held by a thread that the child does not have
    _own_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["new_directory", "scratch_directory"]
