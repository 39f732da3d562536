"""Stores what programs have printed while they go on, so that their pages show it.

The whole log is stored each time: any server takes that. It is kept cheap by how rarely it is done: at most a
tenth of the time goes into it, and a log that has become large is stored at its run's end only.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.recording.record import ARTIFACT_FOLDER

if TYPE_CHECKING:
    from tracking_client.client import TrackingClient

INTERVAL_S = 3.0
LARGEST_BYTES = 16 * 1024**2
STORE_WITHIN_S = 5.0
"""How long storing may take, and so how long the end of a run may have to wait for it."""
_REST = 9


@dataclass(slots=True)
class _Followed:
    """A log: how much of it is stored, and when it is looked at next (`time.monotonic`)."""

    path: Path
    due_s: float
    stored_bytes: int = 0
    storing: threading.Lock = field(default_factory=threading.Lock)
    is_over: bool = False


class LiveLogs:
    """One thread for all open runs of a recorder; it exists only while there are some. Thread-safe.

    `client` gives up within `STORE_WITHIN_S`. A server that is away is asked again later.
    """

    def __init__(self, client: TrackingClient, *, interval_s: float = INTERVAL_S) -> None:
        self._client = client
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._logs: dict[str, _Followed] = {}
        self._stop = threading.Event()

    def follow(self, run_id: str, path: Path) -> None:
        """Begins to store the run's log, which need not be there yet."""
        with self._lock:
            self._logs[run_id] = _Followed(path, time.monotonic() + self._interval_s)
            if len(self._logs) == 1:
                self._stop = threading.Event()
                threading.Thread(
                    target=self._work, args=(self._stop,), name="runner-live-logs", daemon=True
                ).start()

    def forget(self, run_id: str) -> None:
        """Stores no more of it. Waits for what is being stored: it must not arrive after the whole log."""
        with self._lock:
            log = self._logs.pop(run_id, None)
            if not self._logs:
                self._stop.set()
        if log is not None:
            with log.storing:
                log.is_over = True

    def _work(self, stop: threading.Event) -> None:
        while not stop.wait(self._rest_s()):
            with self._lock:
                due = [pair for pair in self._logs.items() if pair[1].due_s <= time.monotonic()]
            for run_id, log in due:
                self._store(run_id, log)

    def _rest_s(self) -> float:
        with self._lock:
            next_s = min((log.due_s for log in self._logs.values()), default=0.0)
        return max(0.05, next_s - time.monotonic())

    def _store(self, run_id: str, log: _Followed) -> None:
        began_s = time.monotonic()
        with log.storing:
            size_bytes = _size_bytes(log.path)
            if not log.is_over and log.stored_bytes < size_bytes <= LARGEST_BYTES:
                try:
                    self._client.log_artifact(run_id, log.path, ARTIFACT_FOLDER)
                    log.stored_bytes = size_bytes
                except Exception:  # noqa: BLE001, S110  # whatever a store raises: it is tried again, and
                    pass  # the end of the run stores the whole log and says what is wrong
        took_s = time.monotonic() - began_s
        log.due_s = time.monotonic() + max(self._interval_s, _REST * took_s)


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
