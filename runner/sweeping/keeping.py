"""How long what sweeps leave on this machine is kept."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from runner.sweeping.folder import SweepFolder, sweeps_folder
from runner.sweeping.names import JOURNAL_FILE

KEEP_S = 90 * 24 * 3600.0
_BEGINS_WITHIN_S = 3600.0
_LOOK_EVERY_S = 24 * 3600.0


def remove_old_sweeps(state_dir: Path, *, now: float | None = None) -> None:
    """Removes sweeps that nobody touched for 90 days, and those whose driver died before they began.

    The tracked runs stay. Looks at most once a day; never raises.
    """
    place, moment = sweeps_folder(state_dir), time.time() if now is None else now
    marker = place / ".looked"
    with suppress(OSError):
        if not place.is_dir() or (marker.exists() and moment - marker.stat().st_mtime < _LOOK_EVERY_S):
            return
        marker.touch()
        os.utime(marker, (moment, moment))
        for name in os.listdir(place):
            folder = SweepFolder(place / name)
            if folder.path.is_dir() and _is_done_with(folder, moment) and not folder.is_driven():
                shutil.rmtree(folder.path, ignore_errors=True)


def _is_done_with(folder: SweepFolder, now: float) -> bool:
    journal = folder.path / JOURNAL_FILE
    if journal.exists():
        return now - journal.stat().st_mtime > KEEP_S
    return now - folder.path.stat().st_mtime > _BEGINS_WITHIN_S
