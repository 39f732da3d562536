"""How work is stopped: by a signal, or by whoever cancels a run."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(BaseException):
    """Work was left because of `Stop.request`. `signal_number` says which signal asked for it.

    A BaseException, as KeyboardInterrupt is: no handler of ordinary errors may swallow it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number


class Stop:
    """A wish to stop, from a signal handler or another thread, to whoever is at work.

    Thread-safe and safe within signal handlers. The first request asks politely with its own signal, the
    second says TERM, the third KILL. Work that watches `listen()` is told; other work calls `check()`.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._requests: list[int] = []
        self._wakers: list[socket.socket] = []
        self._interruptible = 0

    def request(self, signal_number: int = signal.SIGTERM) -> None:
        """Asks for a stop. Raises Stopped right here when this thread is inside `interruptible()`."""
        escalation = (signal_number, signal.SIGTERM, signal.SIGKILL)
        self._requests.append(int(escalation[min(len(self._requests), 2)]))
        if self.signal_number is None:
            self.signal_number = signal_number
        for waker in list(self._wakers):
            try:
                waker.send(b"!")
            except OSError:
                pass
        if self._interruptible == threading.get_ident():
            raise Stopped(self.signal_number)

    @property
    def request_count(self) -> int:
        """How often a stop was requested."""
        return len(self._requests)

    def check(self) -> None:
        """Raises Stopped where a stop was requested."""
        if self.signal_number is not None:
            raise Stopped(self.signal_number)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Inside, a request made on this thread (by a signal handler) raises Stopped at once.

        A request from elsewhere makes a `run_logged` on this thread raise it.
        """
        before, self._interruptible = self._interruptible, threading.get_ident()
        outer, _at_work.stop = getattr(_at_work, "stop", None), self
        try:
            self.check()
            yield
        finally:
            self._interruptible = before
            _at_work.stop = outer

    @contextmanager
    def listen(self) -> Iterator[tuple[socket.socket, list[int]]]:
        """A socket that becomes readable at each request, and the signals to pass on, oldest first."""
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        reader.setblocking(False)
        self._wakers.append(writer)
        try:
            if self._requests:
                writer.send(b"!")
            yield reader, self._requests
        finally:
            self._wakers.remove(writer)
            reader.close()
            writer.close()


_at_work = threading.local()


def stop_at_work() -> Stop | None:
    """The Stop of the innermost `interruptible()` on this thread."""
    return getattr(_at_work, "stop", None)
