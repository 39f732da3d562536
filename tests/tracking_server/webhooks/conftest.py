"""A real https receiver of webhooks, with a certificate of its own."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tracking_server.settings import Settings

NAMES = ("localhost", "127.0.0.1", "::1", "hooks.example")


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What to answer; `raw` is written in place of an HTTP answer, a piece at a time."""

    status: int = 200
    body: bytes = b"thanks"
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None
    raw: Iterator[bytes] | None = None


class Receiver:
    """A server that notes what it gets. `replies` are used up in order, then it answers 200."""

    def __init__(self, ca: trustme.CA, port: int = 0) -> None:
        self.received: list[Received] = []
        self.replies: list[Reply] = []
        self.connections = 0
        self._names: dict[int, str | None] = {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(*NAMES).configure_cert(context)
        context.sni_callback = self._note_name
        self._server = _Server(self, context, port)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="receiver")
        self._thread.start()

    def _note_name(self, wrapped: Any, name: str | None, _context: object) -> None:
        self._names[id(wrapped)] = name

    def name_of(self, connection: object) -> str | None:
        return self._names.get(id(connection))

    def reply(self, status: int = 200, **more: Any) -> None:
        """What the next request that has no answer yet will get."""
        self.replies.append(Reply(status, **more))

    def url(self, path: str = "/hook") -> str:
        return f"https://localhost:{self.port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, receiver: Receiver, context: ssl.SSLContext, port: int) -> None:
        self.receiver = receiver
        self.context = context
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        self.receiver.connections += 1
        # The handshake belongs to the handler's thread: a client that sends nothing must not block the others.
        wrapped = self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        wrapped.settimeout(10)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.server.receiver
        name = receiver.name_of(self.connection)
        receiver.received.append(Received(self.path, dict(self.headers.items()), body, name))
        reply = receiver.replies.pop(0) if receiver.replies else Reply()
        if reply.hold is not None:
            assert reply.hold.wait(20)
        if reply.raw is not None:
            for piece in reply.raw:
                self.wfile.write(piece)
            return
        self.send_response(reply.status)
        for key, value in reply.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def do_GET(self) -> None:
        """What following a redirect would come to."""
        self.headers["Content-Length"] = "0"
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        """Tests read what was received, not what was logged."""


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def start_receiver(ca: trustme.CA) -> Iterator[Callable[..., Receiver]]:
    """Starts receivers, on a port where one is given; they end with the test."""
    started: list[Receiver] = []

    def start(port: int = 0) -> Receiver:
        receiver = Receiver(ca, port)
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.close()


@pytest.fixture
def receiver(start_receiver: Callable[..., Receiver]) -> Receiver:
    return start_receiver()


@pytest.fixture
def settings(settings: Settings, receiver: Receiver, ca_file: Path) -> Settings:
    """Of a server that may tell the receiver, under the name localhost."""
    return replace(settings, webhook_allowed_hosts=(f"localhost:{receiver.port}",), webhook_ca_file=ca_file)
