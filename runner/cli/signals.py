"""Signals to the foreground command become requests to stop, and are put back afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from runner.stop import Stop

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_to(stop: Stop) -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP call `stop.request`. Main thread only.

    A signal that was ignored when the command began (`nohup`) stays ignored.
    """

    def handle(number: int, _: FrameType | None) -> None:
        stop.request(number)

    before = {}
    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
