"""Who uses an environment: a file for each process, so that nothing in use is pruned.

A user writes its mark and then looks whether the environment is still there; a pruner takes the environment
away and then looks for marks. Whichever comes second sees the other.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
import time
from pathlib import Path

from runner.owner import Owner

# A mark of another machine cannot be checked; a program that runs longer than this marks again by then.
FOREIGN_MARK_S = 7 * 24 * 3600.0
_marked: dict[tuple[int, Path], Path] = {}
_lock = threading.Lock()


def mark_used(directory: Path) -> None:
    """Says that this process uses the environments in `directory` until it ends. Thread-safe.

    A cache that cannot be written to (one that is shared, made by somebody else) is used without a mark.
    """
    key = (os.getpid(), directory)
    with _lock:
        known = _marked.get(key)
        if known is not None and known.exists():
            return
        owner = Owner.current()
        mark = directory / "users" / f"{owner.host.replace('/', '_')}-{owner.pid}-{time.time_ns()}.json"
        try:
            mark.parent.mkdir(exist_ok=True)
            mark.write_text(json.dumps(owner.as_json()), encoding="utf-8")
        except OSError:
            return
        if not _marked:
            atexit.register(forget_uses)
        _marked[key] = mark


def forget_uses() -> None:
    """Takes this process's marks away. Called at exit; a killed process's marks are seen to be dead."""
    with _lock:
        for (pid, _), mark in list(_marked.items()):
            if pid == os.getpid():
                mark.unlink(missing_ok=True)
        _marked.clear()


def is_in_use(directory: Path, *, now: float) -> bool:
    """Whether a process that lives, or that nobody here can ask, uses the environments in `directory`.

    Marks of the dead are removed. `now` is in seconds since 1970.
    """
    used = False
    try:
        marks = list((directory / "users").iterdir())
    except FileNotFoundError:
        return False
    for mark in marks:
        if _is_live(mark, now):
            used = True
        else:
            mark.unlink(missing_ok=True)
    return used


def _is_live(mark: Path, now: float) -> bool:
    try:
        owner = Owner.of(json.loads(mark.read_bytes()))
        age_s = now - mark.stat().st_mtime
    except (OSError, ValueError):
        return False
    alive = owner.is_alive() if owner is not None else None
    return age_s < FOREIGN_MARK_S if alive is None else alive
