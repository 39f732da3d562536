"""A proxy on loopback that misbehaves as it is told."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """A server between client and server that does what the next step of its `plan` says.

    Steps: "pass"; "refuse" (the connection ends before the request is handled); "lose" (the request is
    carried out and its answer lost); (status, headers, body), where a Content-Length of one's own ends the
    connection after the body. Without a step left it passes. Without
    `upstream` it answers `{}`.
    """

    upstream: str | None = None
    plan: list[Any] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def paths(self) -> list[str]:
        """Method and path of every request so far."""
        return [f"{method} {urlsplit(target).path}" for method, target, _, _ in self.requests]


def _handler_of(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                proxy.requests.append((self.command, self.path, dict(self.headers), body))
                step = proxy.plan.pop(0) if proxy.plan else "pass"
            if step == "refuse":
                self.close_connection = True
                return
            status, headers, reply = self.forwarded(body) if isinstance(step, str) else step
            if step == "lose":
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(reply)), **headers}.items():
                self.send_header(name, value)
            # A length that promises more than comes is a connection that breaks.
            self.close_connection = "Content-Length" in headers
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # the base class's names

        def forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            if proxy.upstream is None:
                return 200, {}, b"{}"
            address = urlsplit(proxy.upstream)
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
            try:
                headers = {name: value for name, value in self.headers.items() if name != "Host"}
                connection.request(self.command, self.path, body=body, headers=headers)
                response = connection.getresponse()
                kept = {"Content-Type": response.headers.get("Content-Type", "application/json")}
                for name in ("ETag", "Content-Range"):
                    if name in response.headers:
                        kept[name] = response.headers[name]
                return response.status, kept, response.read()
            finally:
                connection.close()

        def log_message(self, format: str, *args: Any) -> None:  # the base class's name
            """Nothing is printed."""

    return Handler


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is a part of the tests."""


@contextlib.contextmanager
def running_proxy() -> Iterator[Proxy]:
    """A proxy that listens while the block runs."""
    proxy = Proxy()
    with _QuietServer(("127.0.0.1", 0), _handler_of(proxy)) as running:
        proxy.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            running.shutdown()
            thread.join()
