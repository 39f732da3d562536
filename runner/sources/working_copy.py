"""A copy of a shared tree for one run, which may write there what it likes.

Checkouts and unpacked archives in the cache are read by many runs. A program that writes beside its code
would change the code of the next run, so it gets a copy of its own: sharing blocks where the file system
can (btrfs, xfs, apfs through copy_file_range or its like), copied where not. Hard links would not do: a
program that opens a file for writing would write into the cache.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from runner.errors import SourceError
from runner.model.source import Checkout
from runner.sources import staging as staging_folders
from runner.sources.staging import remove_tree, staging

_CHUNK_BYTES = 1024 * 1024


def working_copy(checkout: Checkout, into: Path) -> Checkout:
    """`checkout` as it is if it is the user's own, else copied to `into`, which must not exist yet.

    The copy appears whole, by a rename; it belongs to the caller, who removes it with `remove_working_copy`.
    Raises SourceError where it cannot be made (a full disk), FileExistsError.
    """
    shared = checkout.shared_root
    if shared is None:
        return checkout
    if into.exists():
        raise FileExistsError(f"{into} is there already")
    with staging(into.parent) as stage:
        copy = stage / "tree"
        try:
            copy_tree(shared, copy)
        except (OSError, shutil.Error) as error:
            raise SourceError(
                f"could not copy {shared} to {into}: {error}",
                ref=checkout.provenance.source_name,
                hint="see that the disk has space, or fetch again if the cache was being emptied",
            ) from error
        os.rename(copy, into)
    return copied_to(checkout, into)


def copy_tree(shared: Path, copy: Path) -> None:
    """Copies all that is in `shared` to `copy`, which must not exist. Raises OSError, shutil.Error."""
    shutil.copytree(shared, copy, symlinks=True, copy_function=copy_file)


def copied_to(checkout: Checkout, into: Path) -> Checkout:
    """The checkout of a copy in `into` of the tree that `checkout` shares."""
    assert checkout.shared_root is not None
    provenance = replace(
        checkout.provenance,
        repository_root=into if checkout.provenance.repository_root is not None else None,
    )
    return Checkout(
        directory=into / checkout.directory.relative_to(checkout.shared_root),
        provenance=provenance,
        shared_root=None,
    )


def remove_working_copy(checkout: Checkout, into: Path) -> None:
    """Removes what `working_copy(…, into)` made of a shared checkout; the user's own directory is left."""
    if checkout.shared_root is not None:
        remove_tree(into)


def working_copies(state_dir: Path) -> Path:
    """Where the working copies of runs are, each by its run's id."""
    return state_dir / "working-copies"


def remove_abandoned(copies: Path, *, open_run_ids: Callable[[], Collection[str]]) -> None:
    """Removes the working copies of runs that are no longer open: their performer was killed.

    Copies that a living process is just making stay.
    """
    try:
        staging_folders.remove_abandoned(copies)
        names = os.listdir(copies)
    except OSError:
        return
    # Asked for after the copies were listed: a run that opened meanwhile has its copy in neither list.
    still_open = open_run_ids() if names else ()
    for name in names:
        if name not in still_open and not staging_folders.is_staging(name):
            remove_tree(copies / name)


def copy_file(source: str, target: str) -> str:
    """Copies a file with its times and its mode (writable at least); `target` is free. Raises OSError."""
    reader = os.open(source, os.O_RDONLY)
    try:
        status = os.fstat(reader)
        writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, (status.st_mode & 0o777) | 0o200)
        try:
            if not _share_blocks(reader, writer, status.st_size):
                _copy_bytes(reader, writer)
            # git takes a file whose size and time are those of the index for unchanged.
            os.utime(writer, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(writer)
    finally:
        os.close(reader)
    return target


def _share_blocks(reader: int, writer: int, size_bytes: int) -> bool:
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return False
    left = size_bytes
    try:
        while left > 0:
            copied = copy(reader, writer, left)
            if copied == 0:
                return False
            left -= copied
    except OSError:
        # Across file systems, and on those that do not know the call.
        return False
    return True


def _copy_bytes(reader: int, writer: int) -> None:
    os.lseek(reader, 0, os.SEEK_SET)
    os.ftruncate(writer, 0)
    os.lseek(writer, 0, os.SEEK_SET)
    while chunk := os.read(reader, _CHUNK_BYTES):
        left = memoryview(chunk)
        while left:
            left = left[os.write(writer, left) :]
