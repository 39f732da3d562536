"""The logs of runs on this machine: each is stored with its run, and kept here a while for whoever looks."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

KEEP_S = 30 * 24 * 3600.0
_SWEEP_EVERY_S = 24 * 3600.0


def logs_folder(state_dir: Path) -> Path:
    """Where logs are, in a folder for each run's id."""
    return state_dir / "logs"


def remove_old_logs(logs: Path, *, now: float | None = None) -> None:
    """Removes the logs that nobody wrote to for 30 days. Looks at most once a day; never raises."""
    moment = time.time() if now is None else now
    marker = logs / ".looked"
    try:
        if marker.exists() and moment - marker.stat().st_mtime < _SWEEP_EVERY_S:
            return
        marker.touch()
        os.utime(marker, (moment, moment))
        for entry in os.scandir(logs):
            if entry.is_dir() and moment - _last_written(entry) > KEEP_S:
                shutil.rmtree(entry.path, ignore_errors=True)
    except OSError:
        return


def _last_written(entry: os.DirEntry[str]) -> float:
    return max([entry.stat().st_mtime, *(file.stat().st_mtime for file in os.scandir(entry.path))])
