"""Parts put to an object store by URLs that a tracking server signed.

The URLs are secrets: no message has one.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tracking_client import attempts
from tracking_client.artifact_stores import checksums
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.parts import Part
from tracking_client.artifact_stores.root import Moved
from tracking_client.connection import Connection, Patience
from tracking_client.errors import ApiError, ArtifactError, TrackingError, TransportError
from tracking_client.tracking_uri import RemoteServer

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_TAKES_MD5 = ("X-Amz-Signature=", "X-Goog-Signature=", "sig=")
"""Signatures that leave room for a header which was not signed; S3's second version does not."""


_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class Refused(ArtifactError):
    """The store does not take what the tracking server signed."""


def put_part(
    url: str, headers: Mapping[str, str], local_path: Path, part: Part, moved: Moved, patience: Patience
) -> str:
    """Puts a part and returns the store's tag for it. The store checks its MD5.

    Raises ConnectFailed where the store is not reached, Refused, TransportError, OSError.
    """
    sent = {**headers, "Content-Length": str(part.size_bytes)}
    if any(mark in url for mark in _TAKES_MD5):
        md5 = checksums.digest(local_path, "md5", part.start, part.end)
        sent["Content-MD5"] = base64.b64encode(md5).decode("ascii")
    schedule = attempts.Schedule(patience)
    give_up_at = time.monotonic() + patience.deadline_s
    while True:
        try:
            return _put_once(url, sent, local_path, part, moved, patience)
        except (TransportError, ApiError) as error:
            pause_s = schedule.pause_after(error)
            if pause_s is None or time.monotonic() + pause_s > give_up_at:
                raise _final(error) from error
            time.sleep(pause_s)


def _put_once(
    url: str, headers: Mapping[str, str], local_path: Path, part: Part, moved: Moved, patience: Patience
) -> str:
    import urllib3

    connection = _connection(url)
    body = FileSlice(local_path, part.start, part.end, moved)
    try:
        response = _pool(connection).request(
            "PUT",
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(connect=patience.connect_s, read=patience.read_s),
            redirect=False,
            retries=False,
        )
        if not 200 <= response.status < 300:
            body.seek(0)
            raise _refusal(response, connection)
        return response.headers.get("ETag", "")
    except urllib3.exceptions.HTTPError as error:
        body.seek(0)
        raise _no_answer(error, connection) from None
    finally:
        body.close()


def _refusal(response: BaseHTTPResponse, connection: Connection) -> ApiError:
    return ApiError(
        f"the artifact store at {connection.url} answered {response.status} to a part of an upload",
        status=response.status,
        code="TEMPORARILY_UNAVAILABLE" if response.status in _PASSING else "BAD_REQUEST",
    )


def _no_answer(error: Exception, connection: Connection) -> TrackingError:
    told = attempts.no_answer(error, connection)
    if type(told) is TransportError:  # its text holds urllib3's, which may hold the URL
        return TransportError(f"the connection to {connection.url} broke: {type(error).__name__}")
    return told


def _final(error: TransportError | ApiError) -> TrackingError:
    return Refused(str(error), uri="") if isinstance(error, ApiError) else error


def _connection(url: str) -> Connection:
    parts = urlsplit(url)
    # Of the environment, TLS and proxies; the credentials are for the tracking server alone.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING_")}
    return Connection.to_server(RemoteServer(url=f"{parts.scheme}://{parts.netloc}"), environ)


_pools: dict[Connection, PoolManager] = {}
_pools_pid = 0
_pools_lock = threading.Lock()


def _pool(connection: Connection) -> PoolManager:
    global _pools_pid  # noqa: PLW0603  # a forked child opens connections of its own
    with _pools_lock:
        if _pools_pid != os.getpid():
            _pools.clear()
            _pools_pid = os.getpid()
        if connection not in _pools:
            _pools[connection] = attempts.new_pool(connection)
        return _pools[connection]


def _after_fork() -> None:
    global _pools_lock  # noqa: PLW0603  # held by a thread that the child does not have
    _pools_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["Refused", "put_part"]
