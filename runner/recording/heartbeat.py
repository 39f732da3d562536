"""Tells the tracking server, every few seconds, that somebody still looks after the open runs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tracking_client.errors import TrackingError
from tracking_client.running import is_running
from tracking_client.wire import names

if TYPE_CHECKING:
    from tracking_client.client import TrackingClient


_LOOK_S = 1.0


class Heart:
    """One thread for all open runs of a recorder; it exists only while there are some. Thread-safe."""

    def __init__(self, client: TrackingClient, *, interval_s: float = names.HEARTBEAT_INTERVAL_S) -> None:
        self._client = client
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._run_ids: set[str] = set()
        self._stop = threading.Event()

    def beat_for(self, run_id: str) -> None:
        """Begins to beat for a run whose first heartbeat its creation has set."""
        with self._lock:
            self._run_ids.add(run_id)
            if len(self._run_ids) == 1:
                self._stop = threading.Event()
                threading.Thread(
                    target=self._beat, args=(self._stop,), name="runner-heartbeat", daemon=True
                ).start()

    def forget(self, run_id: str) -> None:
        """Beats no more for that run."""
        with self._lock:
            self._run_ids.discard(run_id)
            if not self._run_ids:
                self._stop.set()

    def _beat(self, stop: threading.Event) -> None:
        while not self._rest(stop):
            with self._lock:
                run_ids = sorted(self._run_ids)
            for run_id in run_ids:
                try:
                    self._client.set_tag(run_id, names.HEARTBEAT, str(int(time.time() * 1000)))
                except TrackingError:
                    # A server that is away cannot miss a heartbeat; the next round tries again.
                    break

    def _rest(self, stop: threading.Event) -> bool:
        """Waits for the next beat; returns whether it was the last one.

        A local server that died is noticed within a second: the beat starts it again, for the program's sake,
        which knows only its address.
        """
        next_beat = time.monotonic() + self._interval_s
        while (left_s := next_beat - time.monotonic()) > 0:
            if stop.wait(min(left_s, _LOOK_S)):
                return True
            server = self._client.transport.local_server
            if server is not None and not is_running(server.pid):
                return False
        return False
