"""Files that grow before they are whole, beside the tree that they will be part of.

Each is locked by whoever writes it, so that what a crash left behind is told from what is still growing,
whichever process on whichever machine writes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tracking_server.errors import InvalidParameter

UPLOADS = ".uploads"
"""Where files grow, at the root of the tree: the same file system, never listed."""

PARTS_SUFFIX = ".parts"
"""How the directory of an upload in parts ends."""

LOCK = "lock"
"""The file in it that is locked by whoever works on the whole upload."""

STALE_S = 24 * 3600.0
"""How long nobody must have written before what is left of an upload is removed."""


class GrowingFile:
    """A file in `uploads` that replaces `target` when it is whole. Used by one thread at a time."""

    def __init__(self, uploads: Path, target: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=uploads)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._growing = Path(name)
        self._target = target

    def write(self, chunk: bytes) -> None:
        """See `ArtifactWriter.write`."""
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def commit(self) -> None:
        """See `ArtifactWriter.commit`."""
        os.fchmod(self._file.fileno(), 0o644)
        os.fsync(self._file.fileno())
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._growing.replace(self._target)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            raise InvalidParameter(
                f"'{self._target.name}' cannot be a file here: its name is taken"
            ) from None
        sync_directory(self._target.parent)
        self._file.close()

    def rename(self, target: Path) -> None:
        """Make the file visible under another name, without waiting for the disk."""
        self._growing.replace(target)
        self._file.close()

    def abort(self) -> None:
        """See `ArtifactWriter.abort`."""
        with contextlib.suppress(FileNotFoundError):
            self._growing.unlink()
        self._file.close()


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(root: Path, now: Callable[[], float] = time.time) -> int:
    """Remove what crashes left of uploads below the tree `root`; how many were removed.

    Safe while servers work, this one and others. What cannot be removed is left for the next time.
    """
    removed = 0
    try:
        left = [Path(entry.path) for entry in os.scandir(root / UPLOADS)]
    except OSError:
        return 0
    for path in left:
        with contextlib.suppress(OSError):
            if now() - _touched_at_s(path) >= STALE_S and _remove_unless_open(path):
                removed += 1
    return removed


def _touched_at_s(path: Path) -> float:
    times = [path.lstat().st_mtime]
    if path.is_dir() and not path.is_symlink():
        times += [entry.stat(follow_symlinks=False).st_mtime for entry in os.scandir(path)]
    return max(times)


def _remove_unless_open(path: Path) -> bool:
    is_directory = path.is_dir()
    locked = path / LOCK if is_directory else path
    if locked.exists() or not is_directory:
        descriptor = os.open(locked, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
    else:
        _remove(path)
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
