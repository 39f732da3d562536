"""Records what a real MLflow server answers: `python -m tests.replay.record [SCENARIO ...]`.

Needs MLflow with its server (the version in README.md). Every scenario gets a server and a database of its own.
Scenarios either speak to the server in their own words (`Speaker`), or let MLflow's client do it, through a
proxy that writes down what passes.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.replay import exchanges
from tests.replay.exchanges import Exchange

SCENARIOS = Path(__file__).with_name("scenarios")
V2 = "/api/2.0/mlflow"
WAIT_S = 120.0
BEGAN_MS = int(time.time() * 1000)


class Recorder:
    """Passes requests to a server and keeps what was said. Safe for several threads."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.began_ms = BEGAN_MS
        self.kept: list[Exchange] = []
        self._lock = threading.Lock()

    def pass_on(
        self,
        method: str,
        target: str,
        body: bytes,
        headers: dict[str, str],
        *,
        say: str = "",
        keep: bool = True,
    ) -> Exchange:
        """Send a request, keep it with its reply, and return both."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body or method not in ("GET", "HEAD", "DELETE"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            exchange = Exchange(
                say=say,
                method=method,
                target=target,
                body=body,
                headers=headers,
                status=response.status,
                reply=response.read(),
                reply_headers=dict(response.getheaders()),
            )
        finally:
            connection.close()
        if keep:
            with self._lock:
                self.kept.append(exchange)
        return exchange

    def write(self, path: Path) -> None:
        """Write the conversation with symbols."""
        ended_ms = int(time.time() * 1000) + 1
        with path.open("w") as file:
            for line in exchanges.lines(self.kept, self.began_ms, ended_ms):
                text = json.dumps(line, ensure_ascii=False)
                file.write((text if text.isprintable() else json.dumps(line)) + "\n")


class Speaker:
    """Speaks to the server in a scenario's own words. Calls return the reply's JSON, errors included."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, say: str = "") -> Any:
        """A call with a JSON body. Paths without a leading slash are below /api/2.0/mlflow/."""
        headers = {"Content-Type": "application/json"}
        return self.raw(method, path, json.dumps(body if body is not None else {}), headers, say=say)

    def post(self, path: str, body: dict[str, Any] | None = None, *, say: str = "") -> Any:
        """A POST with a JSON body."""
        return self.call("POST", path, body, say=say)

    def get(self, path: str, query: dict[str, Any] | str | None = None, *, say: str = "") -> Any:
        """A GET with a query; lists become repetitions."""
        text = query if isinstance(query, str) else urlencode(query or {}, doseq=True)
        return self.raw("GET", path + (f"?{text}" if text else ""), "", {}, say=say)

    def raw(
        self, method: str, path: str, body: str | bytes, headers: dict[str, str], *, say: str = ""
    ) -> Any:
        """Exactly this."""
        target = path if path.startswith("/") else f"{V2}/{path}"
        content = body.encode() if isinstance(body, str) else body
        done = self._recorder.pass_on(method, target, content, headers, say=say)
        try:
            return json.loads(done.reply)
        except ValueError:
            return done.reply.decode(errors="replace")


def proxy(recorder: Recorder) -> ThreadingHTTPServer:
    """A server that passes everything on to MLflow's."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b"".join(iter(self._chunk, b""))
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type")
            headers = {"Content-Type": kind} if kind and body else {}
            done = recorder.pass_on(self.command, self.path, body, headers, say="client")
            self.send_response(done.status)
            for name, value in done.reply_headers.items():
                if name.lower() not in (
                    "content-length",
                    "transfer-encoding",
                    "connection",
                    "date",
                    "server",
                ):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(done.reply)))
            self.end_headers()
            self.wfile.write(done.reply)

        def _chunk(self) -> bytes:
            size = int(self.rfile.readline().strip(), 16)
            chunk = self.rfile.read(size)
            self.rfile.readline()
            return chunk

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environ(**more: str) -> dict[str, str]:
    return {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # A Fernet key, so that webhooks can be made; any will do.
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": "bWxmbG93LW1sZmxvdy1tbGZsb3ctbWxmbG93LTEyMzQ=",
        **more,
    }


@contextlib.contextmanager
def mlflow_server(folder: Path, template: Path) -> Iterator[int]:
    """A real `mlflow server` on a copy of an empty database; yields its port."""
    shutil.copy(template, folder / "mlflow.db")
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=_environ(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(port, process, folder / "log")
        yield port
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"MLflow's server did not start:\n{log.read_text()}")


def record(name: str, template: Path) -> None:
    """Record one scenario."""
    scenario = importlib.import_module(f"tests.replay.scenarios.{name}")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with mlflow_server(folder, template) as port:
            recorder = Recorder(port)
            if hasattr(scenario, "with_client"):
                _record_client(name, recorder, folder)
            else:
                scenario.conversation(Speaker(recorder))
            recorder.write(exchanges.RECORDED / f"{name}.jsonl")
        if "Traceback" in (folder / "log").read_text() and "-v" in sys.argv:
            sys.stderr.write((folder / "log").read_text())
    print(f"{name}: {len(recorder.kept)} requests")


def _record_client(name: str, recorder: Recorder, folder: Path) -> None:
    between = proxy(recorder)
    url = f"http://127.0.0.1:{between.server_port}"
    code = f"import tests.replay.scenarios.{name} as s; s.with_client({url!r})"
    environ = _environ(MLFLOW_HTTP_REQUEST_MAX_RETRIES="0", PYTHONPATH=os.getcwd())
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environ, check=True)
    between.shutdown()
    between.server_close()


def main() -> None:
    """Record the scenarios named on the command line, or all."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    names = names or sorted(path.stem for path in SCENARIOS.glob("*.py"))
    with tempfile.TemporaryDirectory() as made:
        template = Path(made) / "template.db"
        upgrade = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{template}"]
        subprocess.run(upgrade, env=_environ(), check=True, capture_output=True)
        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(record, name, template) for name in names]
    failed = [(name, each.exception()) for name, each in zip(names, done, strict=True) if each.exception()]
    raise SystemExit("\n".join(f"{name}: {error!r}" for name, error in failed) or None)


if __name__ == "__main__":
    main()
