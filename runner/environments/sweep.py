"""Takes away what builders left behind: those that were killed, and builds that were replaced."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runner.environments.entry import Entry, platform_tag
from runner.environments.marker import read_marker
from runner.environments.usage import is_in_use
from runner.owner import Owner

_FOREIGN_BUILD_S = 24 * 3600.0


def sweep_builds(entry: Entry, *, now: float, remove: Callable[[Path], object] | None = None) -> list[Path]:
    """Removes what builders left that are dead, and builds that were replaced and are not in use.

    To be called with the lease. Returns what it removed (or would have, with a `remove` that does not).
    """
    remove = remove or remove_tree
    marker = read_marker(entry.marker, check_python=entry.platform == platform_tag())
    ready = marker.prefix.name if marker else None
    removed: list[Path] = []
    with os.scandir(entry.directory) as entries:
        names = sorted(item.name for item in entries)
    for name in names:
        path = entry.directory / name
        if not _is_leftover(path, names, ready, now):
            continue
        if path.is_dir() and "." not in name and is_in_use(entry.directory, now=now):
            continue
        remove(path)
        removed.append(path)
    return removed


def _is_leftover(path: Path, names: list[str], ready: str | None, now: float) -> bool:
    if path.name in ("ready.json", "lease", "failure.json", "users", ready):
        return False
    build = path.name.split(".")[0]
    owner_path = path.with_name(f"{build}.owner")
    if f"{build}.owner" in names and not _is_abandoned(owner_path, now):
        return False
    if path.name.startswith(("lease.", "ready.json.", "failure.json.")):
        return _age_s(path, now) > 60.0
    return True


def _is_abandoned(owner_path: Path, now: float) -> bool:
    try:
        owner = Owner.of(json.loads(owner_path.read_bytes()))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        owner = None
    alive = owner.is_alive() if owner is not None else None
    return _age_s(owner_path, now) > _FOREIGN_BUILD_S if alive is None else not alive


def _age_s(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0


def remove_tree(path: Path) -> None:
    """Removes a file or a directory. A directory is renamed first, so that it is never found half removed."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    trash = path if path.name.endswith(".trash") else path.with_name(f"{path.name}.trash")
    with suppress(OSError):
        os.rename(path, trash)
    shutil.rmtree(trash if trash.exists() else path, ignore_errors=True)
