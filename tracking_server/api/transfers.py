"""Files out of a store and into it, streamed.

Whatever goes out is an attachment with `nosniff`: nothing that a client stored is run by a browser as a
page of this server.
"""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import PurePosixPath
from typing import ParamSpec, Protocol, TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tracking_server.api import codec, ranges
from tracking_server.api.bodies import patient
from tracking_server.artifacts.paths import is_storable
from tracking_server.artifacts.places import Place
from tracking_server.artifacts.protocol import ArtifactInfo, ArtifactReader, ArtifactStore
from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import InvalidParameter, NotFound, ServerError, TooLarge, Unavailable

CHUNK_BYTES = 1024 * 1024

LONGEST_WAIT_S = 60.0
"""How long a call of a store may wait for a thread: all may be taken where a store hangs."""

_TEXT = re.compile(
    r"\.(txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|ya?ml|xml|json|js|py3?|csv|tsv|md|rst|sh|r|sql)$",
    re.IGNORECASE,
)
_TEXT_NAMES = frozenset({"MLmodel", "MLproject"})
_log = logging.getLogger("tracking_server")
T = TypeVar("T")
P = ParamSpec("P")


class Writer(Protocol):
    """What takes a body: an artifact, or a part of one."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        ...

    def commit(self) -> None:
        """Keep them."""
        ...

    def abort(self) -> None:
        """Forget them; harmless after `commit`."""
        ...


async def listing(store: ArtifactStore, path: str, named: Callable[[str], str], **beside: str) -> Response:
    """The entries of a directory that can be asked for, as JSON with what is to stand `beside` them.

    `named` makes what is sent of an entry's path. Raises InvalidParameter, Unavailable.
    """

    def encoded() -> bytes:
        # In the thread: a directory may have a hundred thousand entries.
        files = [
            ArtifactInfo(path=named(entry.path), is_dir=entry.is_dir, file_size=entry.file_size)
            for entry in store.entries(path)
            if is_storable(entry.path)
        ]
        return codec.encode({**beside, **({"files": files} if files else {})})

    return Response(await ask("listed", encoded), media_type="application/json")


async def listing_of(place: Place, inside: str, root_uri: str) -> Response:
    """The entries of a directory of `place`, relative to it. Raises InvalidParameter, Unavailable."""
    start = len(place.prefix) + 1 if place.prefix else 0
    return await listing(place.store, place.path(inside), lambda path: path[start:], root_uri=root_uri)


async def send_file(store: ArtifactStore, path: str, request: Request | None = None) -> Response:
    """A file of a store as a download: whole, or what of it `request` wants. Raises NotFound, Unavailable."""
    if not path:
        raise NotFound("The root of all artifacts is no file")
    reader, _ = await ask("read", store.open_reader, path)
    facts = reader.facts
    wanted = ranges.wanted({} if request is None else request.headers, facts)
    name = PurePosixPath(path).name
    headers = {
        **wanted.headers(facts),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    if wanted.size_bytes == 0 or (request is not None and request.method == "HEAD"):
        await in_thread(reader.close)
        response = Response(status_code=wanted.status, media_type=media_type(name))
        response.headers.update(headers)
        return response
    return StreamingResponse(
        _chunks(reader, wanted.start, wanted.size_bytes, path),
        status_code=wanted.status,
        media_type=media_type(name),
        headers=headers,
    )


def media_type(name: str) -> str:
    """The type a file is sent as: readable files as text, so that viewers show them."""
    if name in _TEXT_NAMES or _TEXT.search(name):
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


async def _chunks(reader: ArtifactReader, start: int, size_bytes: int, path: str) -> AsyncIterator[bytes]:
    """What was announced of a file, even when somebody appends to it meanwhile."""
    left = size_bytes
    try:
        await in_thread(reader.seek, start)
        while left > 0:
            chunk = await in_thread(reader.read, min(left, CHUNK_BYTES))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk
    except (ServerError, OSError) as error:
        # The head is gone: all that can be done is to end too early, which every client notices.
        _log.warning("The download of %r was cut: %s", path[:300], error)
    finally:
        reader.close()


async def receive(
    request: Request, open_writer: Callable[[], Writer], max_bytes: int | None = None
) -> Writer:
    """Stream a body into a writer; returns it, committed. A client that goes away leaves nothing."""
    writer = await ask("stored", open_writer)
    try:
        await _copy(request, writer, max_bytes)
        await ask("stored", writer.commit)
    finally:
        await asyncio.shield(in_thread(writer.abort))
    return writer


async def _copy(request: Request, writer: Writer, max_bytes: int | None) -> None:
    announced = request.headers.get("content-length", "")
    waiting: list[bytes] = []
    waiting_bytes = total = 0
    async for chunk in patient(request):
        waiting.append(chunk)
        waiting_bytes += len(chunk)
        total += len(chunk)
        if max_bytes is not None and total > max_bytes:
            raise TooLarge(f"An artifact uploaded this way can have at most {max_bytes} bytes.")
        if waiting_bytes >= CHUNK_BYTES:
            await ask("stored", writer.write, b"".join(waiting))
            waiting, waiting_bytes = [], 0
    if waiting_bytes:
        await ask("stored", writer.write, b"".join(waiting))
    if announced.isdigit() and int(announced) != total:
        raise InvalidParameter(f"The upload was cut: {total} of {announced} bytes came.")


async def ask(what: str, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call of a store returns, made in a thread. Raises what it raises, Unavailable for OSError.

    `what` ends the sentence "The artifact could not be ...". A call that waits for a thread for too long is
    not made any more.
    """
    until_s = time.monotonic() + LONGEST_WAIT_S

    def in_time() -> T:
        if time.monotonic() > until_s:
            raise Unavailable(f"The artifact could not be {what}: too many others are waiting, too.")
        return call(*args, **kwargs)

    try:
        return await in_thread(in_time)
    except OSError as error:
        raise Unavailable(f"The artifact could not be {what}: {error.strerror or error}") from error
