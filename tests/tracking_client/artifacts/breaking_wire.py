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


@contextlib.contextmanager
def running_wire(upstream: str) -> Iterator[BreakingWire]:
    """A wire that is there while the block runs."""
    wire = BreakingWire()
    lock = threading.Lock()
    target = urlsplit(upstream)
    open_sockets: set[socket.socket] = set()

    def pump(source: socket.socket, sink: socket.socket, limit: int | None, *, answers: bool) -> None:
        left = limit
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                sink.sendall(data)
                if answers:
                    with lock:
                        wire.answered_bytes += len(data)
                if left == 0:
                    with lock:
                        wire.broken += 1
                    break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(near: socket.socket) -> None:
        with lock:
            limit = wire.downstream.pop(0) if wire.downstream else None
        with near, socket.create_connection((target.hostname or "", target.port or 0)) as far:
            with lock:
                open_sockets.update((near, far))
            asking = threading.Thread(
                target=pump, args=(near, far, None), kwargs={"answers": False}, daemon=True
            )
            asking.start()
            pump(far, near, limit, answers=True)
            asking.join(5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended = threading.Event()

        def accept() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                if ended.is_set():
                    near.close()
                    return
                threading.Thread(target=serve, args=(near,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield wire
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname()).close()
            accepting.join(5)
            for each in open_sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
