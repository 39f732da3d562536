"""Waiting for real processes, and ending real servers."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import psutil

from tests.processes import has_ended, wait_for_end
from tracking_client import local_server
from tracking_client.tracking_uri import LocalStore


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    """Polls until `condition` holds; fails the test after `timeout_s`."""
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, f"waited {timeout_s:g} s in vain until {what}"
        time.sleep(0.01)


def stop_server(store: LocalStore, number: int = signal.SIGTERM) -> None:
    """Ends the server of a store, if one runs, and waits until it is gone."""
    found = local_server.discovered(store)
    if found is None or has_ended(found.pid):
        return
    process = psutil.Process(found.pid)
    if "tracking_server" not in " ".join(process.cmdline()):
        return
    process.send_signal(number)
    try:
        wait_for_end(process, 10)
    except psutil.TimeoutExpired:
        process.kill()
        wait_for_end(process, 10)
