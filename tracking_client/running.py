"""Whether a process of this machine runs."""

from __future__ import annotations

import os


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that has ended and is not reaped yet does not run."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_unreaped(pid)


def _is_unreaped(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False
