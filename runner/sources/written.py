"""What a program wrote into its working copy, kept when the copy goes."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

_DROPPED_FOLDERS = frozenset((".git", "__pycache__", ".ipynb_checkpoints"))
_DROPPED_SUFFIXES = (".pyc", ".pyo")
_BLOCK_BYTES = 1 << 20


def keep_what_was_written(copy: Path, shared: Path, into: Path) -> list[str]:
    """Moves the files of `copy` that are new, or differ from those of `shared`, to `into`: returns which.

    `copy` is what `working_copy` made of `shared`; paths are relative to it. Compiled Python and git's own
    files are dropped. `into` is not made where there is nothing to keep. What is there already stays, unless
    it is of the same path. Nothing is lost if this is killed: do it again. Raises OSError.
    """
    kept = []
    for path in _written(str(copy), str(shared), ""):
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _move(copy / path, target)
        kept.append(path)
    return kept


def keep_copy(copy: Path, into: Path) -> None:
    """Puts a whole copy beside where what was written in it would be kept. Never raises."""
    with contextlib.suppress(OSError):
        into.parent.mkdir(parents=True, exist_ok=True)
        os.rename(copy, into.with_name(f"{into.name}-copy"))


def _written(copy: str, shared: str, prefix: str) -> Iterator[str]:
    with os.scandir(os.path.join(copy, prefix)) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        path = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _DROPPED_FOLDERS:
                yield from _written(copy, shared, f"{path}/")
        elif not entry.name.endswith(_DROPPED_SUFFIXES) and _differs(entry, os.path.join(shared, path)):
            yield path


def _differs(entry: os.DirEntry[str], original: str) -> bool:
    new = entry.stat(follow_symlinks=False)
    kind = stat.S_IFMT(new.st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFLNK):
        return False  # a socket or a pipe is nothing without its program
    try:
        old = os.lstat(original)
    except (FileNotFoundError, NotADirectoryError):
        return True
    if stat.S_IFMT(old.st_mode) != kind:
        return True
    if kind == stat.S_IFLNK:
        return os.readlink(entry.path) != os.readlink(original)
    if new.st_size != old.st_size:
        return True
    # A working copy has the times of its original.
    return new.st_mtime_ns != old.st_mtime_ns and not _same_content(entry.path, original)


def _same_content(one: str, other: str) -> bool:
    with open(one, "rb") as first, open(other, "rb") as second:
        while True:
            block = first.read(_BLOCK_BYTES)
            if block != second.read(_BLOCK_BYTES):
                return False
            if not block:
                return True


def _move(file: Path, target: Path) -> None:
    try:
        os.replace(file, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}.{os.getpid()}.new")
        shutil.copy2(file, beside, follow_symlinks=False)
        os.replace(beside, target)
        file.unlink()
