"""The door: who may come in, checked before any endpoint, page or file is looked for.

Against DNS rebinding a request must name this server by an address, by localhost, or by an allowed name.
Against requests that foreign pages make in a visitor's browser, whatever changes something must not come
from another origin. Then the token, where the server has one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tracking_server.api.routing import error_reply
from tracking_server.errors import Forbidden, ServerError, Unauthenticated

OPEN_PATHS = frozenset({"/health", "/version"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Activity:
    """When the server was last busy. Used on the event loop only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last = now()
        self._in_flight = 0

    def began(self) -> None:
        """A request came."""
        self._in_flight += 1

    def ended(self) -> None:
        """A request was answered or given up."""
        self._in_flight -= 1
        self._last = self._now()

    @property
    def idle_s(self) -> float:
        """For how long nothing was asked; 0 while a request is being answered."""
        return 0.0 if self._in_flight else self._now() - self._last


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(
        self, app: ASGIApp, *, token: str | None, allowed_hosts: Iterable[str], activity: Activity
    ) -> None:
        self._app = app
        self._token = token
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._activity.began()
        try:
            await self._guarded(scope, receive, send)
        finally:
            self._activity.ended()

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        path: str = scope["path"]

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    reply.setdefault(name, value)
            await send(message)

        if path in OPEN_PATHS:
            await self._app(scope, receive, send_safely)
            return
        try:
            self._check_host(headers)
            self._check_origin(scope["method"], headers)
            if self._token is not None and not self._is_known(headers, self._token):
                if await self._let_in(scope, receive, send_safely, self._token):
                    return
                raise Unauthenticated(
                    "This server needs a token: send 'Authorization: Bearer <token>' (MLFLOW_TRACKING_TOKEN)."
                )
        except ServerError as error:
            await error_reply(error)(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)

    def _check_host(self, headers: Headers) -> None:
        host = _host_of(headers.get("host", ""))
        if host == "localhost" or host in self._allowed or _is_address(host):
            return
        raise Forbidden(
            "Invalid Host header - possible DNS rebinding attack detected. Name the server by its "
            f"address, or start it with --allowed-hosts {host[:100]}"
        )

    def _check_origin(self, method: str, headers: Headers) -> None:
        """Browsers tell the origin of every request that changes something; other clients tell none."""
        origin = headers.get("origin")
        if method in _READING or origin is None:
            return
        if urlsplit(origin).netloc.lower() != headers.get("host", "").lower() or origin == "null":
            raise Forbidden("Cross-origin request blocked")

    def _is_known(self, headers: Headers, token: str) -> bool:
        kind, _, credentials = headers.get("authorization", "").partition(" ")
        credentials = credentials.strip()
        if kind.lower() == "bearer":
            return _equal(credentials.encode("latin-1"), token)  # the header's bytes as they came
        if kind.lower() == "basic":
            try:
                _, _, password = base64.b64decode(credentials).partition(b":")
            except (binascii.Error, ValueError):
                return False
            return _equal(password, token)
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_name(token))
        except CookieError:
            return False
        return cookie is not None and _equal(cookie.value.encode(), cookie_value(token))

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, token: str) -> bool:
        """A browser that brings `?token=` gets a cookie and the same page without it."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(pairs).get("token")
        if (
            scope["method"] != "GET"
            or given is None
            or not _equal(given.encode("utf-8", "surrogateescape"), token)
        ):
            return False
        rest = urlencode([(key, value) for key, value in pairs if key != "token"])
        # One leading slash only: "//host" would lead elsewhere.
        target = "/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else "")
        reply = RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})
        reply.set_cookie(cookie_name(token), cookie_value(token), httponly=True, samesite="strict", path="/")
        await reply(scope, receive, send)
        return True


def cookie_name(token: str) -> str:
    """The cookie of the server that has `token`; cookies are shared by all ports of a host."""
    return "tracking_" + hashlib.sha256(token.encode()).hexdigest()[:12]


def cookie_value(token: str) -> str:
    """What the cookie holds: proof of the token, and not the token, since other ports see it too."""
    return hmac.new(token.encode(), b"browser session", hashlib.sha256).hexdigest()


def _equal(given: bytes, expected: str) -> bool:
    return hmac.compare_digest(given, expected.encode())


def _host_of(header: str) -> str:
    """The host of a Host header, without port and brackets, in lower case."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
