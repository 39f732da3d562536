"""Whether processes have ended, also those that are nobody's children."""

from __future__ import annotations

import time

import psutil


def has_ended(pid: int) -> bool:
    """Whether the process has ended. The init of a container may leave it a zombie for a while, or for ever."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for_end(process: psutil.Process, timeout_s: float) -> None:
    """Waits until the process has ended. Raises psutil.TimeoutExpired."""
    give_up_at = time.monotonic() + timeout_s
    while not has_ended(process.pid):
        if time.monotonic() > give_up_at:
            raise psutil.TimeoutExpired(timeout_s, process.pid)
        time.sleep(0.01)
