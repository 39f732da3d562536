"""A wire to a server whose connections break after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class BreakingWire:
    """Every new connection takes the next number of `downstream` and breaks after so many bytes of answers.

    Without a number left it holds. `answered_bytes` counts what came through.
    """

    url: str = ""
    downstream: list[int] = field(default_factory=list)
    answered_bytes: int = 0
    broken: int = 0


class _Wire:
    """The threads behind a wire."""

    def __init__(self, wire: BreakingWire, upstream: str) -> None:
        self._wire = wire
        self._target = urlsplit(upstream)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def serve(self, near: socket.socket) -> None:
        with self._lock:
            limit = self._wire.downstream.pop(0) if self._wire.downstream else None
        address = (self._target.hostname or "", self._target.port or 0)
        with near, socket.create_connection(address) as far:
            with self._lock:
                self._open.update((near, far))
            asking = threading.Thread(target=self._pump, args=(near, far), daemon=True)
            asking.start()
            self._pump(far, near, limit, answers=True)
            asking.join(5)

    def _pump(
        self, source: socket.socket, sink: socket.socket, limit: int | None = None, *, answers: bool = False
    ) -> None:
        left = limit
        with contextlib.suppress(OSError):
            while data := source.recv(65536 if left is None else min(65536, left)):
                sink.sendall(data)
                left = None if left is None else left - len(data)
                with self._lock:
                    self._wire.answered_bytes += len(data) if answers else 0
                    self._wire.broken += left == 0
                if left == 0:
                    break
        self.hang_up(source, sink)

    def hang_up(self, *ends: socket.socket) -> None:
        for end in ends or list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def running_wire(upstream: str) -> Iterator[BreakingWire]:
    """A wire that is there while the block runs."""
    wire = BreakingWire()
    behind = _Wire(wire, upstream)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def accept() -> None:
            while not ended.is_set():
                near, _ = listener.accept()
                threading.Thread(target=behind.serve, args=(near,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield wire
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname()).close()
            accepting.join(5)
            behind.hang_up()
