"""Tells the server of the sweep's progress, beside the loop: a server that is away holds up no trial."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from runner.sweeping.passing import may_pass
from tracking_client.errors import TrackingError

_AGAIN_AFTER_S = 1.0


class Mirror:
    """Does one thing after another on a thread of its own, each until the server takes it. Thread-safe."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._giving_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-books", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], None]) -> None:
        """Queues a write. It may be repeated: doing it twice must do no harm."""
        self._work.put(work)

    def close(self, timeout_s: float) -> bool:
        """Waits until all is written, so long at most; returns whether it is."""
        self._work.put(None)
        self._thread.join(timeout_s)
        done = not self._thread.is_alive()
        self._giving_up.set()
        return done

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                self._until_taken(work)
            except Exception as error:  # noqa: BLE001  # what the server will never take holds up nothing else
                self._warn(f"the sweep's own run does not take all of its figures: {error}")

    def _until_taken(self, work: Callable[[], None]) -> None:
        told = False
        while not self._giving_up.is_set():
            try:
                work()
                return
            except TrackingError as error:
                if not may_pass(error):
                    raise
                if not told:
                    self._warn(f"the sweep's own run waits for the server: {error}")
                    told = True
                self._giving_up.wait(_AGAIN_AFTER_S)
