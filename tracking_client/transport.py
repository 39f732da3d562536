"""One pooled HTTP transport per tracking URI: JSON calls, uploads and downloads, with retries.

Safe in threads and across fork: a forked child opens connections of its own. A call ends within its
`Patience`; a server that does not answer is announced once on stderr, and so is its return.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tracking_client import attempts, local_server, notice
from tracking_client.connection import VARIABLES, Connection, Patience
from tracking_client.errors import ApiError, ConnectFailed, TransportError, Unauthorized
from tracking_client.tracking_uri import LocalStore, RemoteServer, parse

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

Query = Mapping[str, "str | int | list[str] | None"]


class Transport:
    """Talks to one server, or to whichever server a local store has at the moment.

    `sleep`, `now` (monotonic seconds) and `say` (one line to the user) are there for tests.
    """

    def __init__(
        self,
        target: LocalStore | RemoteServer,
        *,
        environ: Mapping[str, str] = os.environ,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = notice.say,
    ) -> None:
        self.target = target
        self.patience = patience or Patience.from_environ(environ)
        self._environ = environ
        self._sleep = sleep
        self._now = now
        self._say = say
        self._lock = threading.Lock()
        self._local: local_server.LocalServer | None = None
        self._connection: Connection | None = None
        self._pool: PoolManager | None = None
        self._pool_pid = 0
        self._announced_outage = False

    @property
    def connection(self) -> Connection:
        """Where calls go now. For a local store this finds or starts its server."""
        with self._lock:
            return self._connected()

    @property
    def target_uri(self) -> str:
        """What this talks to, from any directory and without credentials."""
        return self.target.uri if isinstance(self.target, LocalStore) else self.target.url

    @property
    def local_server(self) -> local_server.LocalServer | None:
        """The local store's server in use; None before first use, and for a remote server."""
        return self._local

    def call(
        self, method: str, path: str, *, query: Query | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """One JSON call; returns the reply's object. `path` starts with `/`.

        Raises ApiError for an error the server answered, TransportError where no answer came in time.
        """
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        with self.send(method, path, query=query, headers=headers, make_body=lambda: data) as response:
            return attempts.json_object(response)

    def call_once(self, path: str, body: Mapping[str, Any]) -> None:
        """A POST that fails where it is carried out a second time (deleting what is deleted).

        Such a failure after a lost answer is the echo of the success, and is none here.
        """
        try:
            self.call("POST", path, body=body)
        except ApiError as error:
            if not error.maybe_repeated or isinstance(error, Unauthorized) or error.status == 429:
                raise

    @contextlib.contextmanager
    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        make_body: Callable[[], bytes | attempts.Readable | None] = lambda: None,
        stream: bool = False,
    ) -> Iterator[BaseHTTPResponse]:
        """A response with a 2xx status; `make_body` gives every attempt a body of its own.

        With `stream` the response's body is still to be read; otherwise it has been, retries included.
        Raises as `call` does.
        """
        response = self._answered(method, path, query, headers or {}, make_body, stream=stream)
        try:
            yield response
        finally:
            if stream:
                # Unread bytes make the connection useless for the next call.
                response.close()
            response.release_conn()

    def _answered(
        self,
        method: str,
        path: str,
        query: Query | None,
        headers: Mapping[str, str],
        make_body: Callable[[], bytes | attempts.Readable | None],
        *,
        stream: bool,
    ) -> BaseHTTPResponse:
        give_up_at = self._now() + self.patience.deadline_s
        schedule = attempts.Schedule(self.patience)
        maybe_received = False
        reconnected = False
        while True:
            connection, pool = self._ready()
            try:
                response = attempts.once(
                    pool,
                    connection,
                    method,
                    path,
                    query=query,
                    headers=headers,
                    body=make_body(),
                    stream=stream,
                    connect_s=self.patience.connect_s,
                    read_s=min(self.patience.read_s, max(1.0, give_up_at - self._now())),
                )
                self._announce_return(connection)
                return response
            except (TransportError, ApiError) as error:
                if isinstance(error, ApiError):
                    error.maybe_repeated = maybe_received
                if self._may_reconnect(error) and not reconnected:
                    reconnected = True
                    self._reconnect(connection)
                    continue
                pause_s = schedule.pause_after(error)
                if pause_s is None or self._now() + pause_s > give_up_at:
                    raise
                if isinstance(error, TransportError):
                    maybe_received = maybe_received or error.maybe_received
                    self._announce_outage(connection, error, give_up_at)
                else:
                    maybe_received = True
                reconnected = False
                self._sleep(pause_s)

    def _ready(self) -> tuple[Connection, PoolManager]:
        with self._lock:
            connection = self._connected()
            if self._pool is None or self._pool_pid != os.getpid():
                self._pool = attempts.new_pool(connection)
                self._pool_pid = os.getpid()
            return connection, self._pool

    def _connected(self) -> Connection:
        if self._connection is None:
            if isinstance(self.target, LocalStore):
                self._local = local_server.ensure(self.target)
                self._connection = Connection.with_token(self._local.url, self._local.token)
            else:
                self._connection = Connection.to_server(self.target, self._environ)
        return self._connection

    def _may_reconnect(self, error: TransportError | ApiError) -> bool:
        # A local server that left as idle or died has a successor, at another port with another token.
        return isinstance(self.target, LocalStore) and isinstance(error, (ConnectFailed, Unauthorized))

    def _reconnect(self, failed: Connection) -> None:
        with self._lock:
            if self._connection is not failed or not isinstance(self.target, LocalStore):
                return  # another thread was faster
            self._local = local_server.ensure(self.target, unreachable=self._local)
            self._connection = Connection.with_token(self._local.url, self._local.token)
            self._pool = None

    def _announce_outage(self, connection: Connection, error: TransportError, give_up_at: float) -> None:
        if self._announced_outage or not isinstance(error, ConnectFailed):
            return
        self._announced_outage = True
        until = time.strftime("%H:%M:%S", time.localtime(time.time() + give_up_at - self._now()))
        self._say(f"tracking server at {connection.url} does not answer; trying again until {until}: {error}")

    def _announce_return(self, connection: Connection) -> None:
        if self._announced_outage:
            self._announced_outage = False
            self._say(f"tracking server at {connection.url} answers again")

    def apart(self, deadline_s: float, *, max_retries: int | None = None) -> Transport:
        """A new transport to where this one goes, that tries for `deadline_s` at most, and so often again."""
        patience = Patience(deadline_s=deadline_s, connect_s=min(5.0, deadline_s), max_retries=max_retries)
        copy = Transport(self.target, environ=self._environ, patience=patience)
        copy._local, copy._connection = self._local, self._connection
        return copy

    def close(self) -> None:
        """Closes the idle connections; the transport stays usable."""
        with self._lock:
            if self._pool is not None and self._pool_pid == os.getpid():
                self._pool.clear()
            self._pool = None

    def _after_fork(self) -> None:
        # Another thread of the parent may have held the lock when this child was made.
        self._lock = threading.Lock()


_transports: dict[tuple[str | None, ...], Transport] = {}
_transports_lock = threading.Lock()


def transport_for(uri: str) -> Transport:
    """The process's transport for a tracking URI, shared by all clients. Raises InvalidArgument.

    Where the environment's credentials or deadlines change, those who ask afterwards get another one.
    """
    key = (uri, *(os.environ.get(name) for name in VARIABLES))
    with _transports_lock:
        transport = _transports.get(key)
        if transport is None:
            transport = _transports[key] = Transport(parse(uri), environ=dict(os.environ))
        return transport


def _after_fork() -> None:
    global _transports_lock  # noqa: PLW0603  # held by a thread that the child does not have
    _transports_lock = threading.Lock()
    for transport in _transports.values():
        transport._after_fork()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["Transport", "transport_for"]
