"""A relay in front of a tracking server, which can hold one request or its answer for ever."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "host"}


class Relay(ThreadingHTTPServer):
    """Relays to `target`. `hold(n, "answer")` keeps back the answer to the nth request from then on.

    `refuse(503)` answers so to every request, until `refuse(None)`. `delay("/get-history")` relays requests
    of such a path only after `hold_nothing()`, which `delayed` counts.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[str] = []
        self.holding = threading.Event()
        self._let_go = threading.Event()
        self._hold: tuple[int, str] | None = None
        self._lock = threading.Lock()
        self.refusal: int | None = None
        self.refused = 0
        self._delayed_path: str | None = None
        self.delayed = 0

    def refuse(self, status: int | None) -> None:
        """Answers every request with this status; None: relays again."""
        self.refusal = status

    def delay(self, path: str) -> None:
        """Requests whose path ends so wait for `hold_nothing`, and are relayed then."""
        self._let_go = threading.Event()
        self._delayed_path = path

    def is_delayed(self, request: str) -> bool:
        """Whether a request is one that has to wait."""
        return self._delayed_path is not None and request.endswith(self._delayed_path)

    def hold(self, number: int, what: str) -> None:
        """Counts anew from 1; `what` is "request" (the server does not see it) or "answer"."""
        with self._lock:
            self.requests.clear()
            self.holding.clear()
            self._let_go = threading.Event()
            self._hold = (number, what)

    def hold_nothing(self) -> None:
        """Lets go of what is held (nobody waits for it any more), and relays everything from now on."""
        self._hold = None
        self._delayed_path = None
        self._let_go.set()

    def number_of(self, request: str) -> tuple[int, tuple[int, str] | None, threading.Event]:
        """Counts a request; its number, what is to be held, and the end of that."""
        with self._lock:
            self.requests.append(request)
            return len(self.requests), self._hold, self._let_go

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def _relay(self) -> None:
        request = f"{self.command} {urlsplit(self.path).path}"
        number, hold, let_go = self.server.number_of(request)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.refusal is not None:
            self.server.refused += 1
            self.send_response(self.server.refusal)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.server.is_delayed(request):
            self.server.delayed += 1
            let_go.wait(60)
        if hold == (number, "request"):
            self._held(let_go)
            return
        target = urlsplit(self.server.target)
        onward = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            onward.request(self.command, self.path, body=body, headers=headers)
            answer = onward.getresponse()
            data = answer.read()
        finally:
            onward.close()
        if hold == (number, "answer"):
            self._held(let_go)
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _held(self, let_go: threading.Event) -> None:
        self.server.holding.set()
        let_go.wait(60)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _relay  # noqa: N815  # the base class's names

    def log_message(self, format: str, *args: object) -> None:  # the base class's name
        """Keeps quiet."""


@contextmanager
def relay_to(target: str) -> Iterator[Relay]:
    """A relay to the server at that address, while inside."""
    relay = Relay(target)
    thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield relay
    finally:
        relay.hold_nothing()
        relay.shutdown()
        thread.join(10)
        relay.server_close()
