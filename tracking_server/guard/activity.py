"""When a server was last busy, so that it can leave when nobody needs it."""

from __future__ import annotations

import time
from collections.abc import Callable


class Activity:
    """When the server was last busy. Used on the event loop only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last = now()
        self._in_flight = 0

    def began(self) -> None:
        """A request came."""
        self._in_flight += 1

    def ended(self) -> None:
        """A request was answered or given up."""
        self._in_flight -= 1
        self._last = self._now()

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self._in_flight

    @property
    def idle_s(self) -> float:
        """For how long nothing was asked; 0 while a request is being answered."""
        return 0.0 if self._in_flight else self._now() - self._last
