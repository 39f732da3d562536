"""Running a server: the socket, the lock, the discovery file, the signals, and leaving when idle."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from uvicorn import Config
from uvicorn.server import Server

from tracking_server import app
from tracking_server.app import Application
from tracking_server.discovery import Discovery, discovery_path, take_lock
from tracking_server.errors import StartRefused
from tracking_server.settings import HEARTBEAT_LOST_S, REAP_EVERY_S, Settings

EXIT_REFUSED = 2
SHUTDOWN_S = 4
"""How long requests that are being answered may take after a SIGTERM."""

_log = logging.getLogger("tracking_server")


class _LocalServer(Server):
    """Uvicorn's server, which also tells where it listens and leaves when idle."""

    def __init__(
        self,
        config: Config,
        application: Application,
        idle_exit_s: float | None,
        where: Discovery,
        file: Path | None,
    ) -> None:
        super().__init__(config)
        self._application = application
        self._idle_exit_s = idle_exit_s
        self._where = where
        self._file = file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            if self._file is not None:
                self._where.write(self._file)
            _log.warning("Listening on %s", self._where.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # First, so that nobody new is sent here.
        if self._file is not None:
            self._where.remove(self._file)
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        if self._idle_exit_s is not None and not self._application.reaper.watching:
            idle_s = self._application.activity.idle_s
            if idle_s >= self._idle_exit_s:
                _log.warning("Nobody asked for %g s: leaving", idle_s)
                return True
        return await super().on_tick(counter)


def serve(settings: Settings) -> int:
    """Run a server until it is told to stop or is idle for long enough; the exit code.

    Takes the lock of a SQLite store unless the starter passed it, makes a token for servers that were
    started with a lock, and writes the discovery file. Raises StartRefused.
    """
    store = settings.sqlite_path
    lock = settings.lock_fd
    if lock is not None:
        try:
            os.set_inheritable(lock, False)
        except OSError as error:
            raise StartRefused(f"--lock-fd {lock} is not an open file: {error}") from error
    elif store is not None:
        lock = take_lock(store)
    file = settings.discovery_file or (discovery_path(store) if store is not None else None)
    if settings.lock_fd is not None:
        settings = replace(settings, token=settings.token or secrets.token_urlsafe(32))
    application = app.build(settings)
    # The schema is seen to before the socket listens: whoever finds the port finds a working server.
    application.database.open()
    listener = _listen(settings.host, settings.port)
    where = Discovery(
        pid=os.getpid(),
        url=_url(listener),
        token=settings.token,
        started_at_ms=time.time_ns() // 1_000_000,
    )
    config = Config(
        application.asgi,
        loop="uvloop" if _can_import("uvloop") else "asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_S,
        backlog=2048,
    )
    server = _LocalServer(config, application, settings.idle_exit_s, where, file)
    _on_signals(server)
    try:
        server.run(sockets=[listener])
    finally:
        if file is not None:
            where.remove(file)
        listener.close()
        application.database.close()
        if lock is not None:
            with contextlib.suppress(OSError):
                os.close(lock)
    return 0


def _on_signals(server: Server) -> None:
    """A signal ends the server in order, whenever it comes, and then the process with exit code 0.

    Uvicorn handles signals while it runs and raises them again when it is done: these handlers get them then.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def leave(_number: int, _frame: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


def _can_import(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise StartRefused(f"--port {port} is no port: give 0 to 65535, 0 for any that is free")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Without it a keep-alive connection waits 40 ms for every reply's second packet.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise StartRefused(f"Cannot listen on {host}:{port}: {error}") from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def parse(argv: Sequence[str]) -> Settings:
    """The settings of a command line, spelt as `mlflow server` spells them. Raises StartRefused."""
    parser = argparse.ArgumentParser(prog="python -m tracking_server", allow_abbrev=False)
    parser.add_argument("--backend-store-uri", default="sqlite:///mlruns.db")
    parser.add_argument("--artifacts-destination", default="./mlartifacts")
    parser.add_argument("--default-artifact-root")
    parser.add_argument("--serve-artifacts", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--allowed-hosts", default="", help="names this server is reached by, comma-separated"
    )
    parser.add_argument("--idle-exit-s", type=float)
    parser.add_argument("--discovery-file", type=Path)
    parser.add_argument("--lock-fd", type=int)
    parser.add_argument("--reap-every-s", type=float, default=REAP_EVERY_S)
    parser.add_argument("--heartbeat-lost-s", type=float, default=HEARTBEAT_LOST_S)
    parser.add_argument("--token-file", type=Path)
    given = parser.parse_args(argv)
    return Settings(
        backend_store_uri=given.backend_store_uri,
        artifacts_destination=given.artifacts_destination,
        default_artifact_root=given.default_artifact_root,
        serve_artifacts=given.serve_artifacts,
        host=given.host,
        port=given.port,
        allowed_hosts=tuple(host.strip() for host in given.allowed_hosts.split(",") if host.strip()),
        idle_exit_s=given.idle_exit_s,
        discovery_file=given.discovery_file,
        lock_fd=given.lock_fd,
        reap_every_s=given.reap_every_s,
        heartbeat_lost_s=given.heartbeat_lost_s,
        token=_token(given.token_file, local=given.lock_fd is not None),
    )


def _token(file: Path | None, *, local: bool) -> str | None:
    if file is not None:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise StartRefused(f"Cannot read --token-file {file}: {error}") from error
        if not token:
            raise StartRefused(f"--token-file {file} is empty")
        return token
    # A local server makes its own: the token around it may belong to another server.
    return None if local else os.environ.get("MLFLOW_TRACKING_TOKEN") or None


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m tracking_server`; the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    try:
        return serve(parse(sys.argv[1:] if argv is None else argv))
    except StartRefused as error:
        sys.stderr.write(f"tracking server: {error}\n")
        return EXIT_REFUSED
