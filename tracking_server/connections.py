"""Connections that nobody can keep: uvicorn's protocol, with bounds on what a client may send and how slowly.

Cut off is who does not finish its request's head in time, stalls in the body, does not read its reply, sends
a head that is too long, or sends too many requests ahead. Where all places are taken, whoever has been idle
or unfinished the longest makes room for who comes; where all are busy, a few spare places are left for
requests that come quickly; who finds no room gets a 503. Relies on uvicorn's and asyncio's protocol interface
only: callbacks of the parser and of the transport, when to read on, and the state of requests in progress.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from tracking_server.traffic import Traffic

SWEEP_EVERY_S = 0.5
_REFUSED_LINGER_S = 2.0
_MOST_REFUSED = 256
_MOST_WAITING = 64
_SPARE_PLACES = 8
_SPARE_PATIENCE_S = 2.0
_CROWDED = (503, "TEMPORARILY_UNAVAILABLE", "Too many clients are connected. Try again.")
_TOO_LONG = (431, "REQUEST_LIMIT_EXCEEDED", "The request's headers are too long.")
_TOO_MANY = (
    429,
    "REQUEST_LIMIT_EXCEEDED",
    f"More than {_MOST_WAITING} requests wait on one connection. Send the next when some are answered.",
)
_NOWHERE: deque[tuple[bytes, bytes]] = deque(maxlen=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a client may do to a connection.

    Within `patience_s` the head of a request must be whole, and whenever a body is to come or a reply to be
    taken, `window_bytes` must move or all that is left.
    """

    connections: int
    patience_s: float
    head_bytes: int = 64 * 1024
    window_bytes: int = 16 * 1024


@dataclass(slots=True)
class _Window:
    """How much has moved since when."""

    since: float
    moved_bytes: int


class _Flow(FlowControl):
    """Reads nothing while a request waits for another; uvicorn would read on after each reply."""

    def __init__(self, transport: asyncio.Transport, waiting: deque[Any]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if self.read_paused and not self._waiting and not self._transport.is_closing():
            super().resume_reading()


class _Replies:
    """Stands for the transport of one request: a reply's head leaves together with the beginning of its body.

    Uvicorn writes them one after the other, and every write is a packet and a wake-up of the client. A head
    waits until its body comes, and no longer than the callbacks that are ready now take.
    """

    __slots__ = ("_cycle", "_head", "_is_begun", "_transport")

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._cycle = cycle
        self._is_begun = False
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif self._cycle.response_started and not self._is_begun:
            self._is_begun = True
            self._head = data
            asyncio.get_running_loop().call_soon(self.flush)
            return
        self._transport.write(data)

    def flush(self) -> None:
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class Connection(HttpToolsProtocol):
    """One client. Used on the event loop only; `serving` sweeps over all of them."""

    bounds: ClassVar[Bounds]
    traffic: ClassVar[Traffic]
    refused_now: ClassVar[set[Connection]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._problem: tuple[int, str, str] | None = None
        self._head_since: float | None = time.monotonic()
        self._head_bytes = 0  # of a head, a trailer or anything else that is no body
        self._idle_since: float | None = None
        self._body: _Window | None = None
        self._received_bytes = 0
        self._unsent: _Window | None = None
        self._closing_since: float | None = None
        self._is_refused = False
        self._spare_since: float | None = None
        # `cycle` is the request that came last; this one is being answered.
        self._answered: RequestResponseCycle | None = None

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take a place, somebody else's if need be; or be refused."""
        if not self._finds_a_place():
            self.traffic.refused += 1
            self._is_refused = True
            self.transport = transport
            if len(self.refused_now) >= _MOST_REFUSED:
                transport.abort()
            else:
                # Told with its first bytes: a reply that crosses the request is lost to a reset.
                self._problem = _CROWDED
                self.refused_now.add(self)
            return
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self.traffic.connections = len(self.connections)

    def _finds_a_place(self) -> bool:
        taken, places = len(self.connections), self.bounds.connections
        if taken < places or _make_room(self.connections):
            return True
        self._spare_since = time.monotonic()
        return taken < places + _SPARE_PLACES or _make_room(self.connections, spare=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self.refused_now.discard(self)
        if not self._is_refused:
            super().connection_lost(exc)
        if self._answered is not None and self._answered is not self.cycle:  # uvicorn tells the last one only
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.traffic.connections = len(self.connections)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head or a trailer grows too long."""
        if self._is_refused or self.transport.is_closing():
            self._refuse()
            return
        self._head_bytes += len(data)
        self._idle_since = None
        super().data_received(data)
        if self._head_since is None and not self._is_answering:
            self._head_since = time.monotonic()  # line breaks, or the rest of a body that nobody reads
        if self._head_bytes > self.bounds.head_bytes:
            self._problem = _TOO_LONG
            self._refuse()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: watch it."""
        super().pause_writing()
        self._unsent = _Window(time.monotonic(), self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._unsent = None

    # What the parser tells.

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head_since = time.monotonic()

    def on_headers_complete(self) -> None:
        """The head is whole: the body's clock runs."""
        # What was counted may hold much of the body too.
        if self._head_bytes > self.bounds.head_bytes < _size_bytes(self.url, self.headers):
            self._problem = _TOO_LONG
        elif len(self.pipeline) >= _MOST_WAITING:
            self._problem = _TOO_MANY
        if self._problem is not None:
            raise ValueError(self._problem[2])  # ends the parser, which ends in send_400_response
        self._head_since = None
        self._head_bytes = 0
        self._received_bytes = 0
        self._body = _Window(time.monotonic(), 0)
        super().on_headers_complete()
        self.cycle.transport = _Replies(self.transport, self.cycle)  # type: ignore[assignment]  # all it is asked
        # Trailers go nowhere: as headers they would pass a proxy that looks at the head alone.
        self.headers = _NOWHERE  # type: ignore[assignment]  # is appended to, and begun anew with the next head
        if not self.pipeline:
            self._answered = self.cycle
        if self._spare_since is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        self._received_bytes += len(body)
        if self._is_answering:  # what nobody reads any more is bounded as a head is
            self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._body = None
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is the next request's turn, or the client may idle for a while."""
        self._idle_since = time.monotonic()
        if self.pipeline:
            self._answered = self.pipeline[-1][0]
        super().on_response_complete()
        self.flow.resume_reading()  # where the last that waited has its turn

    def send_400_response(self, msg: str) -> None:
        """What uvicorn answers to what is no HTTP, as an error of ours."""
        self._problem = self._problem or (400, "BAD_REQUEST", msg)
        self._refuse()

    # What the clock tells.

    def look_after(self, now: float) -> None:
        """Cut the client off if it is too slow."""
        bounds = self.bounds
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > bounds.patience_s:  # it does not take the rest of its reply
                self.transport.abort()
        elif self._is_refused:
            if self._head_since is not None and now - self._head_since > _REFUSED_LINGER_S:
                self.transport.abort()
        elif self._overstays(now):
            self.traffic.refused += 1
            self._problem = _CROWDED
            self._refuse()
        elif (
            not self._is_answering
            and self._head_since is not None
            and now - self._head_since > bounds.patience_s
        ):
            self._cut_off("head", "The request's headers did not come in time.")
        elif self._body is not None and self._is_stalling(self._body, now):
            self._cut_off("body", "The request's body came too slowly.")
        elif self._unsent is not None and self._does_not_read(self._unsent, now):
            self.traffic.cut_off["reply"] += 1
            self.transport.abort()

    def _overstays(self, now: float) -> bool:
        """Whether it has a spare place, but no whole request after a while."""
        is_whole = self._is_answering and self._body is None
        return self._spare_since is not None and not is_whole and now - self._spare_since > _SPARE_PATIENCE_S

    def _is_stalling(self, window: _Window, now: float) -> bool:
        waits_for_us = self.flow.read_paused or self.cycle.waiting_for_100_continue
        if waits_for_us or self._received_bytes - window.moved_bytes >= self.bounds.window_bytes:
            window.since, window.moved_bytes = now, self._received_bytes
        return now - window.since > self.bounds.patience_s

    def _does_not_read(self, window: _Window, now: float) -> bool:
        left_bytes = self.transport.get_write_buffer_size()
        if window.moved_bytes - left_bytes >= self.bounds.window_bytes:
            window.since, window.moved_bytes = now, left_bytes
        # What was added meanwhile must be read from there on.
        window.moved_bytes = max(window.moved_bytes, left_bytes)
        return now - window.since > self.bounds.patience_s

    def _cut_off(self, why: str, message: str) -> None:
        self.traffic.cut_off[why] += 1
        self._problem = (408, "REQUEST_TIMEOUT", message)
        self._refuse()

    def _refuse(self) -> None:
        """Say what the problem is where nothing has been said yet, and hang up."""
        if self.transport.is_closing():
            return
        answered = self._answered if self._is_answering else None
        if self._problem is not None and (answered is None or not answered.response_started):
            self.transport.write(_reply(*self._problem))
        self.transport.close()

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's own annotation leaves None out
        return cycle is not None and not cycle.response_complete

    @property
    def is_spare(self) -> bool:
        """Whether this connection has one of the places for quick requests only."""
        return self._spare_since is not None

    @property
    def idle_since(self) -> float | None:
        """Since when nothing is asked on this connection, or a request's head has been unfinished."""
        if self._is_answering:
            return None
        return self._idle_since if self._idle_since is not None else self._head_since


def _make_room(connections: Iterable[object], *, spare: bool = False) -> bool:
    """Close the connection that has been of no use for longest; False where all are in use.

    Among those in `spare` places, or among the others.
    """
    useless = [
        (since, other)
        for other in connections
        if isinstance(other, Connection)
        and other.is_spare is spare
        and (since := other.idle_since) is not None
    ]
    if not useless:
        return False
    _, longest = min(useless, key=lambda pair: pair[0])
    longest.traffic.cut_off["room"] += 1
    longest.connections.discard(longest)
    longest.transport.abort()
    return True


def _size_bytes(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def _reply(status: int, code: str, message: str) -> bytes:
    body = msgspec.json.encode({"error_code": code, "message": message})
    retry = b"retry-after: 1\r\n" if status == 503 else b""
    return b"".join(
        [
            STATUS_LINE[status],
            b"content-type: application/json\r\nconnection: close\r\n",
            retry,
            b"content-length: %d\r\n\r\n" % len(body),
            body,
        ]
    )


def connection_class(bounds: Bounds, traffic: Traffic) -> type[Connection]:
    """The protocol of one server."""
    return type(
        "BoundedConnection",
        (Connection,),
        {"bounds": bounds, "traffic": traffic, "refused_now": set()},
    )


def sweep(kind: type[Connection], connections: Iterable[object], now: float) -> None:
    """Look after all connections of a server; to be called every SWEEP_EVERY_S."""
    for connection in [*connections, *kind.refused_now]:
        if isinstance(connection, Connection):
            connection.look_after(now)
