"""Folders that are under construction, and the removal of those whose builder died."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.owner import Owner

_PREFIX = ".staging-"
_OWNER = "owner.json"
_ABANDONED_AFTER_S = 24 * 3600.0


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A new empty folder within `parent`, on one file system with its siblings, removed at the end.

    What is to stay is renamed out of it. Those that killed processes left behind are removed on the way.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        (folder / _OWNER).write_text(json.dumps(Owner.current().as_json()), encoding="utf-8")
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


def _remove_abandoned(parent: Path) -> None:
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(_PREFIX)]
    for name in names:
        if _is_abandoned(parent / name):
            remove_tree(parent / name)


def _is_abandoned(folder: Path) -> bool:
    try:
        age_s = time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return False
    owner = _owner(folder)
    alive = None if owner is None else owner.is_alive()
    return not alive if alive is not None else age_s > _ABANDONED_AFTER_S


def _owner(folder: Path) -> Owner | None:
    try:
        return Owner.of(json.loads((folder / _OWNER).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
