"""The guard itself: ASGI middleware around everything that the server answers.

In this order: the request's shape, the name it calls the server by, the page it comes from, the token it
shows, what the token may do. Whatever comes of it is counted and logged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tracking_server.api.routing import ENDPOINT_KEY, error_reply
from tracking_server.errors import Forbidden, InvalidParameter, ServerError, Unauthenticated
from tracking_server.guard import credentials, signing_in
from tracking_server.guard.access_log import AccessLog
from tracking_server.guard.activity import Activity
from tracking_server.guard.hosts import AllowedHosts
from tracking_server.guard.keyring import Holder, Keyring
from tracking_server.guard.origins import AllowedOrigins
from tracking_server.store import access_tokens
from tracking_server.traffic import Traffic
from tracking_server.ui import visitor
from tracking_server.ui.signing_in import refused

_LOOKED_AT = frozenset({b"host", b"origin", b"sec-fetch-site", b"authorization", b"cookie"})
_KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_HEADERS = (
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
OPEN_FILES = "/static/"
"""Styles and scripts of the pages, which the page that asks for a token needs too; they hold no secrets."""
_CLIENT_GONE = 499
"""The status that is counted and logged for a client that left before its reply began."""


@dataclass(slots=True)
class _Exchange:
    """One request and what becomes of it."""

    scope: Scope
    send: Send
    headers: dict[bytes, bytes] = field(default_factory=dict)
    extra: list[tuple[bytes, bytes]] = field(default_factory=list)
    holder: Holder | None = None
    status: int = 0
    size_bytes: int = 0

    async def reply(self, message: Message) -> None:
        """Pass a part of the reply on, with the headers that every reply has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message["headers"])
            present = {name for name, _ in headers}
            headers += [pair for pair in _HEADERS if pair[0] not in present]
            message["headers"] = headers + self.extra
        else:
            self.size_bytes += len(message.get("body", b""))
        await self.send(message)

    def text(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """An ASGI application around another.

    `reads` says whether a call changes nothing, by method and path. `open_paths` may be asked by everybody.
    """

    app: ASGIApp
    keyring: Keyring
    hosts: AllowedHosts
    origins: AllowedOrigins
    reads: Callable[[str, str], bool]
    open_paths: frozenset[str]
    activity: Activity
    traffic: Traffic
    log: AccessLog | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request, pass it on, and note how it ended."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        exchange = _Exchange(scope, send)
        self.activity.began()
        self.traffic.in_flight += 1
        try:
            await self._answer(exchange, receive)
        finally:
            self.activity.ended()
            self.traffic.in_flight -= 1
            self._note(exchange, time.perf_counter() - began)

    async def _answer(self, exchange: _Exchange, receive: Receive) -> None:
        scope = exchange.scope
        try:
            early = await self._look_at(exchange, receive)
        except ServerError as error:
            early = self._refusal(scope, error)
        if early is not None:
            await early(scope, receive, exchange.reply)
        else:
            await self.app(scope, receive, exchange.reply)

    def _refusal(self, scope: Scope, error: ServerError) -> Response:
        if not signing_in.asks_for_page(scope):
            return error_reply(error)
        if isinstance(error, Unauthenticated):
            return signing_in.led_there(scope)
        return refused(Request(scope), error)

    async def _look_at(self, exchange: _Exchange, receive: Receive) -> Response | None:
        """The reply to a request that goes no further; None for one that does. Raises ServerError."""
        scope = exchange.scope
        exchange.headers = _looked_at(scope)
        if scope["path"] in self.open_paths or scope["path"].startswith(OPEN_FILES):
            return None
        method = scope["method"]
        host = exchange.text(b"host") or ""
        origin = exchange.text(b"origin")
        self.hosts.check(host, scope["server"][0] if scope.get("server") else "")
        self.origins.check(method, origin=origin, host=host, fetch_site=exchange.text(b"sec-fetch-site"))
        exchange.extra = self.origins.headers(origin)
        if method == "OPTIONS":
            preflight = self.origins.preflight(origin, _header(scope, b"access-control-request-headers"))
            if preflight is not None:
                return preflight
        if scope["path"] in signing_in.PATHS:
            return await signing_in.answer(scope, receive, self.keyring)
        return await self._check_token(exchange)

    async def _check_token(self, exchange: _Exchange) -> Response | None:
        scope, headers = exchange.scope, exchange.headers
        shown = headers.get(b"authorization")
        exchange.holder = await self.keyring.holder(credentials.presented(shown, headers.get(b"cookie")))
        if exchange.holder is None or b"token=" in scope["query_string"]:
            welcome = await self._welcome(exchange)
            if welcome is not None:
                return welcome
        if exchange.holder is None:
            raise Unauthenticated(
                "This server needs a token: send 'Authorization: Bearer <token>' (MLFLOW_TRACKING_TOKEN)."
                if shown is None
                else "The token of this request is not one of this server's; it may have been revoked."
            )
        by_cookie = bool(exchange.holder.name) and shown is None
        scope[visitor.KEY] = visitor.Visitor(
            name=exchange.holder.name, may_write=exchange.holder.may_write, signed_in=by_cookie
        )
        if not exchange.holder.may_write and not self.reads(scope["method"], scope["path"]):
            raise Forbidden(
                f"The token '{exchange.holder.name}' may only read. Use one made without --read-only."
            )
        return None

    async def _welcome(self, exchange: _Exchange) -> Response | None:
        """A browser that brings `?token=` gets a cookie and the same page without it."""
        token = credentials.token_in_address(exchange.scope)
        if token is None:
            return None
        holder = await self.keyring.holder([access_tokens.digest_of(token)])
        if holder is None or not holder.name:
            return None
        exchange.holder = holder
        return credentials.welcome(exchange.scope, token)

    def _note(self, exchange: _Exchange, took_s: float) -> None:
        scope = exchange.scope
        status = exchange.status or _CLIENT_GONE
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "other"
        self.traffic.answered(method, scope.get(ENDPOINT_KEY, "other"), status, took_s)
        if self.log is not None:
            self.log.write(
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"],
                status=status,
                size_bytes=exchange.size_bytes,
                took_s=took_s,
                client=scope["client"][0] if scope.get("client") else "",
                token="" if exchange.holder is None else exchange.holder.name,
            )


def _looked_at(scope: Scope) -> dict[bytes, bytes]:
    """The headers that decide, each given once: of two, everybody on the way reads another."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            if name in found and name != b"cookie":
                raise InvalidParameter(f"The header '{name.decode()}' is given twice.")
            found[name] = found[name] + b"; " + value if name in found else value
    return found


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")
