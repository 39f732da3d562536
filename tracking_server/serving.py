"""Running a server: the socket, the lock, the discovery file, the signals, and leaving when idle."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import logging
import os
import resource
import secrets
import signal
import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from uvicorn import Config
from uvicorn.server import Server

from tracking_server import app
from tracking_server.app import Application
from tracking_server.connections import SWEEP_EVERY_S, Bounds, Connection, connection_class, sweep
from tracking_server.discovery import Discovery, discovery_path, take_lock
from tracking_server.errors import ServerError, StartRefused
from tracking_server.settings import Settings
from tracking_server.store import access_tokens

_FILES_BESIDES_CONNECTIONS = 100
_MOST_OPEN_FILES = 65_536
_NEW_OBJECTS_BEFORE_GC = 10_000

_log = logging.getLogger("tracking_server")


class _TrackingServer(Server):
    """Uvicorn's server, which also tells where it listens, watches its clients and leaves when idle."""

    def __init__(
        self,
        config: Config,
        application: Application,
        kind: type[Connection],
        settings: Settings,
        where: Discovery,
        file: Path | None,
    ) -> None:
        super().__init__(config)
        self._application = application
        self._kind = kind
        self._idle_exit_s = settings.idle_exit_s
        self._where = where
        self._file = file
        self._swept_at = 0.0

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
        now = time.monotonic()
        if now - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = now
            sweep(self._kind, self.server_state.connections, now)
        if self._idle_exit_s is not None and not self._application.reaper.watching:
            idle_s = self._application.activity.idle_s
            if idle_s >= self._idle_exit_s:
                _log.warning("Nobody asked for %g s: leaving", idle_s)
                return True
        return await super().on_tick(counter)


def serve(settings: Settings) -> int:
    """Run a server until it is told to stop or is idle for long enough; the exit code.

    Takes the lock of a SQLite store unless the starter passed it, makes the first token of a store that is
    reached from other machines, and writes the discovery file. Raises StartRefused.
    """
    # Nothing that is made here may be written by everybody, whatever the umask that came along.
    os.umask(os.umask(0o077) | 0o002)
    store = settings.sqlite_path
    address = _resolve(settings.host, settings.port)
    lock = settings.lock_fd
    if lock is not None:
        try:
            os.set_inheritable(lock, False)
        except OSError as error:
            raise StartRefused(f"--lock-fd {lock} is not an open file: {error}") from error
    elif store is not None:
        lock = take_lock(store)
    file = settings.discovery_file or (discovery_path(store) if store is not None else None)
    reachable = not _is_loopback(address[4][0])
    settings = replace(
        settings,
        local_token=None if file is None else secrets.token_urlsafe(32),
        demand_token=reachable or settings.lock_fd is not None,
        max_connections=_affordable(settings.max_connections),
    )
    application = app.build(settings)
    # The schema is seen to before the socket listens: whoever finds the port finds a working server.
    application.database.open()
    application.places.make_ready()
    listener = _listen(address, settings)
    try:
        if reachable:
            _see_to_a_token(settings, application)
        _run(settings, application, listener, file)
    finally:
        listener.close()
        application.close()
        if lock is not None:
            with contextlib.suppress(OSError):
                os.close(lock)
    return 0


def _run(settings: Settings, application: Application, listener: socket.socket, file: Path | None) -> None:
    where = Discovery(
        pid=os.getpid(),
        url=_url(listener),
        token=settings.token or settings.local_token,
        started_at_ms=time.time_ns() // 1_000_000,
    )
    kind = connection_class(
        Bounds(connections=settings.max_connections, patience_s=settings.patience_s), application.traffic
    )
    config = Config(
        application.asgi,
        loop="uvloop" if _can_import("uvloop") else "asyncio",
        http=kind,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody here asks for a client's address
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
        backlog=2048,
    )
    # What is there now stays: to look through it for garbage again and again would stop the server for 30 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_BEFORE_GC)
    # It warns of everything that is no HTTP: anybody could fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    server = _TrackingServer(config, application, kind, settings, where, file)
    _on_signals(server)
    try:
        server.run(sockets=[listener])
    finally:
        if file is not None:
            where.remove(file)


def _see_to_a_token(settings: Settings, application: Application) -> None:
    """A server that others reach demands a token: make the first one, or warn of the door that is open."""
    if settings.insecure_no_auth:
        _log.warning(
            "WARNING: --insecure-no-auth: whoever reaches %s can read, change and delete everything here",
            settings.host,
        )
    elif settings.token is None:
        try:
            token = application.database.write_and_wait(access_tokens.create_first)
        except ServerError as error:
            raise StartRefused(f"Cannot make the first token: {error}") from error
        if token is not None:
            sys.stderr.write(
                "This server is reached from other machines, so it demands a token. It was made now, may do "
                f"everything, and is not shown again:\n\n    {token}\n\n"
                "Clients: MLFLOW_TRACKING_TOKEN. Browsers: add ?token=… to the address, once. "
                "More tokens: runner server token --help\n\n"
            )
            sys.stderr.flush()


def _affordable(connections: int) -> int:
    """How many connections the limit of open files leaves room for, after raising it as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _MOST_OPEN_FILES:
        wanted = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(10, min(connections, soft - _FILES_BESIDES_CONNECTIONS))


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


_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


def _resolve(host: str, port: int) -> _Address:
    if not 0 <= port <= 65_535:
        raise StartRefused(f"--port {port} is no port: give 0 to 65535, 0 for any that is free")
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise StartRefused(f"--host {host[:200]} is no address of this machine: {error}") from error


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _listen(address: _Address, settings: Settings) -> socket.socket:
    family, kind, protocol, _, target = address
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Without it a keep-alive connection waits 40 ms for every reply's second packet.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(target)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise StartRefused(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}. "
            "Take another --port (0 for any that is free) or --host."
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
