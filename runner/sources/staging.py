"""Folders that are under construction, and the removal of those whose builder died."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from runner.owner import Owner

_PREFIX = ".staging-"
_ABANDONED_AFTER_S = 24 * 3600.0


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A new empty folder within `parent`, on one file system with its siblings, removed at the end.

    What is to stay is renamed out of it. Those that killed processes left behind are removed on the way.
    """
    parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(parent)
    # Whose it is stands in its name, so there is no moment at which it is nobody's.
    folder = Path(tempfile.mkdtemp(prefix=_signature(Owner.current()), dir=parent))
    try:
        yield folder
    finally:
        remove_tree(folder)


def remove_tree(path: Path) -> None:
    """Removes a folder with all that is in it, read-only folders included; one that is gone is fine."""
    import shutil

    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        # Somebody else is removing it too, or has.
        shutil.rmtree(path, ignore_errors=True)
    except OSError:
        _make_writable(path)
        shutil.rmtree(path, ignore_errors=True)


def write_durably(path: Path, data: bytes) -> None:
    """Puts `data` at `path`, whole or not at all, and on disk before the call returns."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}.new")
    with beside.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _make_writable(path: Path) -> None:
    for folder, _, _ in os.walk(path):
        with suppress(OSError):
            os.chmod(folder, stat.S_IRWXU)


def remove_abandoned(parent: Path) -> None:
    """Removes the staging folders in `parent` whose makers are dead."""
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if is_staging(entry.name)]
    for name in names:
        if _is_abandoned(parent / name):
            remove_tree(parent / name)


def is_staging(name: str) -> bool:
    """Whether `name` is that of a folder under construction."""
    return name.startswith(_PREFIX)


def _signature(owner: Owner) -> str:
    boot = hashlib.sha256(f"{owner.host} {owner.boot_id}".encode(errors="surrogateescape")).hexdigest()
    return f"{_PREFIX}{boot[:12]}-{owner.pid}-{owner.process_started}-"


def _is_abandoned(folder: Path) -> bool:
    me = Owner.current()
    boot, _, rest = folder.name.removeprefix(_PREFIX).partition("-")
    pid, _, started = rest.rpartition("-")[0].partition("-")
    if _signature(me).startswith(f"{_PREFIX}{boot}-") and pid.isdigit():
        return not replace(me, pid=int(pid), process_started=started).is_alive()
    try:
        return time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_S
    except FileNotFoundError:
        return False
