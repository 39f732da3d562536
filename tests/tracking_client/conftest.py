"""A real server, stores of one's own, scripts in processes of their own, and a proxy that misbehaves."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tracking_client import active_experiment, active_runs, local_server, starting, tracking_uri, transport
from tracking_client.client import TrackingClient
from tracking_client.tracking_uri import LocalStore

REPOSITORY = Path(__file__).resolve().parents[2]


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    """Polls until `condition` holds; fails the test after `timeout_s`."""
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, f"waited {timeout_s:g} s in vain until {what}"
        time.sleep(0.01)


def stop_server(store: LocalStore, number: int = signal.SIGTERM) -> None:
    """Ends the server of a store, if one runs, and waits until it is gone."""
    found = local_server.discovered(store)
    if found is None or not psutil.pid_exists(found.pid):
        return
    process = psutil.Process(found.pid)
    if "tracking_server" not in " ".join(process.cmdline()):
        return
    process.send_signal(number)
    try:
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)


@pytest.fixture(autouse=True)
def _fresh_client_state(_nothing_left_behind: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test starts and ends without an active run, experiment, tracking URI or hook."""
    environ, directory = dict(os.environ), Path.cwd()
    handler, hook = signal.getsignal(signal.SIGTERM), sys.excepthook
    for module, names in (
        (tracking_uri, {"_chosen": None, "_default": None}),
        (active_experiment, {"_chosen": None}),
        (starting, {"_launched_as": None, "_last_ended": None, "_attached": {}}),
        (active_runs, {"_stacks": {}}),
        (transport, {"_transports": {}}),
    ):
        for name, value in names.items():
            monkeypatch.setattr(module, name, value)
    yield
    for known in transport._transports.values():
        known.close()
    os.chdir(directory)
    signal.signal(signal.SIGTERM, handler)
    sys.excepthook = hook
    for name in set(os.environ) - set(environ):
        del os.environ[name]
    os.environ.update(environ)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_server.LocalServer]:
    """One server of ours for all tests that do not harm it."""
    store = LocalStore.at(tmp_path_factory.mktemp("shared-store"))
    found = local_server.ensure(store)
    yield found
    stop_server(store)


@pytest.fixture
def client(server: local_server.LocalServer, monkeypatch: pytest.MonkeyPatch) -> TrackingClient:
    """A client of the shared server, which is also the one that the fluent functions talk to."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token)
    return TrackingClient()


@pytest.fixture
def experiment_id(client: TrackingClient, request: pytest.FixtureRequest) -> str:
    """A new experiment on the shared server."""
    return client.create_experiment(f"{request.node.name} {os.urandom(4).hex()}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    """A store of one's own, whose server may be harmed; it is stopped after the test."""
    store = LocalStore.at(tmp_path / "a store; echo 'b")
    yield store
    stop_server(store)
    local_server._forget_ended()


@dataclass(frozen=True)
class Scripts:
    """Runs Python programs that use the client, as processes of their own."""

    directory: Path

    def start(self, source: str, *args: str, **environ: str | None) -> subprocess.Popen[str]:
        """Starts `source`; a None in `environ` removes the variable."""
        path = self.directory / f"script-{os.urandom(4).hex()}.py"
        path.write_text(source)
        merged = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", **environ}
        return subprocess.Popen(
            [sys.executable, str(path), *args],
            cwd=self.directory,
            env={name: value for name, value in merged.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, source: str, *args: str, **environ: str | None) -> subprocess.CompletedProcess[str]:
        """Runs `source` to its end."""
        with self.start(source, *args, **environ) as process:
            try:
                out, err = process.communicate(timeout=60)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """Programs that run in the test's directory."""
    directory = tmp_path / "scripts"
    directory.mkdir()
    return Scripts(directory)


@dataclass
class Proxy:
    """A server between client and server that does what the next step of its `plan` says.

    Steps: "pass"; "refuse" (the connection ends before the request is handled); "lose" (the request is
    carried out and its answer lost); (status, headers, body). Without a step left it passes. Without
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
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

        def forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            if proxy.upstream is None:
                return 200, {}, b"{}"
            address = urlsplit(proxy.upstream)
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
            try:
                headers = {name: value for name, value in self.headers.items() if name != "Host"}
                connection.request(self.command, self.path, body=body, headers=headers)
                response = connection.getresponse()
                kind = response.headers.get("Content-Type", "application/json")
                return response.status, {"Content-Type": kind}, response.read()
            finally:
                connection.close()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Nothing is printed."""

    return Handler


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is a part of the tests."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A misbehaving proxy on a free loopback port; set its `upstream` and `plan`."""
    proxy = Proxy()
    with _QuietServer(("127.0.0.1", 0), _handler_of(proxy)) as running:
        proxy.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield proxy
        running.shutdown()
        thread.join()
