"""From a request to its handler and back to a reply, errors included.

Endpoints are values in tables: one table per module of this package, joined in `tracking_server.app`.
Paths without placeholders are found in one dictionary look-up.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tracking_server.api import codec, unsupported
from tracking_server.api.bodies import limited_body
from tracking_server.errors import EndpointNotFound, InvalidParameter, MethodNotAllowed, ServerError
from tracking_server.services import Services

T = TypeVar("T", bound=msgspec.Struct)

V2 = ("/api/2.0", "/ajax-api/2.0")
V3 = ("/api/3.0", "/ajax-api/3.0")
AJAX_V2 = ("/ajax-api/2.0",)

MAX_JSON_BYTES = 64 * 1024 * 1024
ENDPOINT_KEY = "tracking_server.endpoint"
"""Where a request's scope says which endpoint it went to, by the path in the table."""

__all__ = [
    "AJAX_V2",
    "ENDPOINT_KEY",
    "V2",
    "V3",
    "ApiRouter",
    "Endpoint",
    "Raw",
    "Rpc",
    "error_reply",
]

_log = logging.getLogger("tracking_server")
_PLACEHOLDER = re.compile(r"\{(\w+)(:path)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """Where something is served, and to whom.

    `reads`: nothing is changed by it, so that a token may call it that may only read. `is_open`: everybody
    may call it, without a token and by whatever name of the server.
    """

    method: str
    path: str
    prefixes: Sequence[str] = V2
    reads: bool = False
    is_open: bool = False

    @property
    def is_reading(self) -> bool:
        """Whether a call changes nothing: every GET, and what is marked."""
        return self.reads or self.method == "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc(_Served, Generic[T]):
    """A call with a typed request and a JSON reply.

    Placeholders of the path become fields of the request; so do query parameters of a GET and the body of
    every other method.
    """

    request: type[T]
    handle: Callable[[Services, T], Awaitable[object]]

    async def respond(self, services: Services, request: Request) -> Response:
        """Decode, call, encode. Raises ServerError."""
        fields = request.path_params
        if self.method == "GET":
            pairs = [*fields.items(), *request.query_params.multi_items()]  # the path wins
            decoded = codec.from_query(pairs, self.request)
        else:
            decoded = codec.decode(await _json_body(request), self.request)
            for name, value in fields.items():
                setattr(decoded, name, value)
        reply = await self.handle(services, decoded)
        if isinstance(reply, Response):  # too long to be made at once
            return reply
        return _Json(codec.encode(reply))


class _Json(Response):
    """What nearly every reply is: its head is made without Starlette's work for special ones."""

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw(_Served):
    """An endpoint that reads its request and writes its reply itself."""

    handle: Callable[[Services, Request], Awaitable[Response]]

    async def respond(self, services: Services, request: Request) -> Response:
        """Call the handler. Raises ServerError."""
        return await self.handle(services, request)


Endpoint = Rpc[Any] | Raw


def error_reply(error: ServerError) -> Response:
    """An error as MLflow's clients read it."""
    message = str(error).encode("utf-8", "replace").decode()  # it may quote half a character of a request
    body = codec.encode({"error_code": error.code, "message": message})
    headers = {"WWW-Authenticate": 'Bearer, Basic realm="tracking server"'} if error.status == 401 else None
    if error.status == 503:
        headers = {"Retry-After": "1"}
    return Response(body, status_code=error.status, media_type="application/json", headers=headers)


async def _json_body(request: Request) -> bytes:
    content_type = request.headers.get("content-type")
    body = await limited_body(request, MAX_JSON_BYTES)
    if content_type is None:
        if body or request.method in ("POST", "PUT"):
            raise InvalidParameter("Bad Request. Content-Type header is missing.")
    elif content_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidParameter("Bad Request. Content-Type should be application/json.")
    return body


class ApiRouter:
    """An ASGI application over a table of endpoints."""

    def __init__(self, services: Services, endpoints: Iterable[Endpoint]) -> None:
        self._services = services
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._patterns: dict[re.Pattern[str], dict[str, Endpoint]] = {}
        patterns: dict[str, re.Pattern[str]] = {}
        for endpoint in endpoints:
            for prefix in endpoint.prefixes:
                path = prefix + endpoint.path
                if "{" in path:
                    pattern = patterns.setdefault(path, _pattern(path))
                    self._patterns.setdefault(pattern, {})[endpoint.method] = endpoint
                else:
                    self._exact.setdefault(path, {})[endpoint.method] = endpoint

    @property
    def paths(self) -> list[str]:
        """Every path that is served, placeholders as regular expressions."""
        return [*self._exact, *(pattern.pattern for pattern in self._patterns)]

    @property
    def open_paths(self) -> frozenset[str]:
        """What everybody may ask."""
        return frozenset(
            path
            for path, methods in self._exact.items()
            if all(endpoint.is_open for endpoint in methods.values())
        )

    def is_reading(self, method: str, path: str) -> bool:
        """Whether a call changes nothing. What is no endpoint is judged by its method."""
        try:
            return self._find(path, method)[0].is_reading
        except ServerError:
            return method in ("GET", "HEAD", "OPTIONS")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every failure becomes a JSON reply."""
        request = Request(scope, receive)
        scope[ENDPOINT_KEY] = "other"
        try:
            endpoint, fields = self._find(scope["path"], scope["method"])
            scope["path_params"] = fields
            scope[ENDPOINT_KEY] = endpoint.path
            response = await endpoint.respond(self._services, request)
        except ServerError as error:
            response = error_reply(error)
        except ClientDisconnect:
            return  # nobody is there to read a reply
        except Exception:  # noqa: BLE001  # the last net: a client must never see a traceback
            _log.exception("%s %s failed", scope["method"], scope["path"])
            response = error_reply(ServerError("The server failed to answer; its log says why."))
        await response(scope, receive, send)

    def _find(self, path: str, method: str) -> tuple[Endpoint, dict[str, str]]:
        methods = self._exact.get(path)
        fields: dict[str, str] = {}
        if methods is None:
            for pattern, candidates in self._patterns.items():
                match = pattern.fullmatch(path)
                if match is not None:
                    methods, fields = candidates, match.groupdict()
                    break
        if methods is None:
            unsupported.check(path)
            raise EndpointNotFound(f"There is no endpoint {path[:300]}")
        endpoint = methods.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            raise MethodNotAllowed(f"{path[:300]} answers {', '.join(sorted(methods))} and not {method}")
        return endpoint, fields


def _pattern(path: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(path):
        parts.append(re.escape(path[end : match.start()]))
        parts.append(f"(?P<{match[1]}>{'.*' if match[2] else '[^/]+'})")
        end = match.end()
    return re.compile("".join(parts) + re.escape(path[end:]), re.DOTALL)
