"""News of what takes long enough for people to wonder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runner.events import Listener, SourceProgress

_PATIENCE_S = 1.0


@contextmanager
def announced(listener: Listener, activity: str, *, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Tells `listener` of `activity` ("fetching …") if the block lasts longer than `patience_s`.

    The listener is then called from another thread, never after the block has ended.
    """
    timer = threading.Timer(patience_s, listener, [SourceProgress(step=f"still {activity}")])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
