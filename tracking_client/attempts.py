"""One attempt of an HTTP call, what its failure means, and when to try again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from tracking_client.connection import Connection, Patience
from tracking_client.errors import (
    ApiError,
    ConnectFailed,
    InvalidArgument,
    Timeout,
    TrackingError,
    TransportError,
    api_error,
)

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

USER_AGENT = "runner-tracking-client/1"
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
# The server's own bugs and refusals come as 500 too, and stay the same however often one asks.
_LASTING_FAULTS = frozenset({"INVALID_STATE", "DATA_LOSS", "INVALID_PARAMETER_VALUE", "BAD_REQUEST"})
_MAX_INTERNAL_ERRORS = 5
_LONGEST_RETRY_AFTER_S = 60.0
_BODY_EXCERPT = 300


class Readable(Protocol):
    """What a request body needs besides being bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""

    def close(self) -> None:
        """Lets go of the source."""


def new_pool(connection: Connection) -> PoolManager:
    """A pool of keep-alive connections for one process. Opens nothing yet."""
    import urllib3

    options: dict[str, Any] = {"maxsize": 8, "num_pools": 2, "retries": False}
    if connection.url.startswith("https"):
        options["cert_reqs"] = "CERT_REQUIRED" if connection.verify_tls else "CERT_NONE"
        if connection.ca_certs:
            options["ca_certs"] = connection.ca_certs
        if connection.client_cert:
            options["cert_file"] = connection.client_cert
        if not connection.verify_tls:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if connection.proxy is None:
        return urllib3.PoolManager(**options)
    return urllib3.ProxyManager(connection.proxy, **options)


def once(
    pool: PoolManager,
    connection: Connection,
    method: str,
    path: str,
    *,
    query: Mapping[str, str | int | list[str] | None] | None,
    headers: Mapping[str, str],
    body: bytes | Readable | None,
    stream: bool,
    connect_s: float,
    read_s: float,
) -> BaseHTTPResponse:
    """The 2xx answer to one request; any other is raised as ApiError, no answer as TransportError."""
    import urllib3

    sent = {"User-Agent": USER_AGENT, **headers}
    if connection.authorization is not None:
        sent["Authorization"] = connection.authorization
    try:
        response = pool.request(
            method,
            _url(connection.url, path, query),
            body=body,  # type: ignore[arg-type]  # read() is all that urllib3 needs of a stream
            headers=sent,
            timeout=urllib3.Timeout(connect=connect_s, read=read_s),
            preload_content=not stream,
            redirect=False,
            retries=False,
        )
        if not 200 <= response.status < 300:
            raise _answered_error(response, connection)
    except urllib3.exceptions.HTTPError as error:
        raise no_answer(error, connection) from error
    finally:
        if body is not None and not isinstance(body, bytes):
            body.close()
    return response


def _url(base: str, path: str, query: Mapping[str, str | int | list[str] | None] | None) -> str:
    url = base + quote(path, safe="/-_.~")
    wanted = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{url}?{urlencode(wanted, doseq=True)}" if wanted else url


def no_answer(error: Exception, connection: Connection) -> TrackingError:
    """The error of ours for an exception of urllib3."""
    from urllib3 import exceptions

    url = connection.url
    if isinstance(error, exceptions.SSLError):
        return ConnectFailed(f"no secure connection to {url}: {error}", retryable=False)
    if isinstance(error, exceptions.ProxyError):
        return ConnectFailed(f"{url} is not reached through the proxy: {error.original_error}")
    if isinstance(error, exceptions.NewConnectionError):
        return ConnectFailed(f"no connection to {url}: {_reason(error)}")
    if isinstance(error, exceptions.ConnectTimeoutError):
        return ConnectFailed(f"no connection to {url}: it takes too long to connect")
    if isinstance(error, exceptions.TimeoutError):
        return Timeout(f"{url} did not answer in time")
    if isinstance(error, (exceptions.LocationValueError, exceptions.URLSchemeUnknown)):
        return InvalidArgument(f"{url} cannot be called: {error}")
    return TransportError(f"the connection to {url} broke: {error}")


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    return str(getattr(cause, "strerror", None) or cause or error)


def _answered_error(response: BaseHTTPResponse, connection: Connection) -> ApiError:
    data = response.data  # reads the rest where the call streams
    text = data[:100_000].decode("utf-8", "replace")
    code, message = _code_and_message(text)
    if 300 <= response.status < 400:
        target = response.headers.get("Location", "nowhere")
        message = f"{connection.url} redirects to {target}: set MLFLOW_TRACKING_URI to the final address"
    if not message:
        message = (
            f"{connection.url} answered {response.status} {response.reason or ''}: {text[:_BODY_EXCERPT]}"
        )
    if response.status == 401:
        message += " (set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)"
    error = api_error(message, status=response.status, code=code or _code_of(response.status))
    error.retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
    return error


def _code_of(status: int) -> str:
    codes = {
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "ENDPOINT_NOT_FOUND",
        429: "REQUEST_LIMIT_EXCEEDED",
    }
    return codes.get(status, "TEMPORARILY_UNAVAILABLE" if status in _RETRIED else "BAD_REQUEST")


def _code_and_message(text: str) -> tuple[str, str]:
    try:
        reply = json.loads(text)
    except ValueError:
        return "", ""
    if not isinstance(reply, dict):
        return "", ""
    return str(reply.get("error_code") or ""), str(reply.get("message") or "")


def _retry_after_s(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        from email.utils import parsedate_to_datetime

        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)


def json_object(response: BaseHTTPResponse) -> dict[str, Any]:
    """The JSON object of a reply; an empty body is an empty object. Raises TransportError for the rest."""
    data = response.data
    if not data:
        return {}
    try:
        reply = json.loads(data)
    except ValueError:
        reply = None
    if not isinstance(reply, dict):
        excerpt = data[:_BODY_EXCERPT].decode("utf-8", "replace")
        raise TransportError(
            f"the answer is not MLflow's: is this a tracking server? It begins: {excerpt!r}", retryable=False
        )
    return reply


class Schedule:
    """When to try again: exponential back-off with jitter, bounded in number by `Patience`."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0
        self._internal_errors = 0

    def pause_after(self, error: TransportError | ApiError) -> float | None:
        """Seconds until the next attempt, or None where the error is final."""
        if not self._is_passing(error):
            return None
        self._failures += 1
        allowed = self._patience.max_retries
        if allowed is not None and self._failures > allowed:
            return None
        if isinstance(error, ApiError) and error.retry_after_s is not None:
            return error.retry_after_s
        longest = min(
            self._patience.first_pause_s * 2.0 ** min(self._failures - 1, 20), self._patience.longest_pause_s
        )
        # Not `random`: it takes milliseconds to import, and its state is the user's to seed.
        return longest * (0.5 + os.urandom(1)[0] / 512)

    def _is_passing(self, error: TransportError | ApiError) -> bool:
        if isinstance(error, TransportError):
            return error.retryable
        if error.status not in _RETRIED or error.code in _LASTING_FAULTS:
            return False
        if error.status == 500:
            self._internal_errors += 1
            return self._internal_errors <= _MAX_INTERNAL_ERRORS
        return True


__all__ = ["Readable", "Schedule", "json_object", "new_pool", "no_answer", "once"]
