"""Endpoints of artifacts: listing a run's, the proxy that clients read and write through, downloads.

Whatever goes out is an attachment with `nosniff`: nothing that a client stored is run by a browser as a
page of this server.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import AsyncIterator, Callable
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tracking_server.api import codec
from tracking_server.api.codec import required
from tracking_server.api.routing import AJAX_V2, Endpoint, Raw, Rpc, patient
from tracking_server.api.runs import run_id_of
from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.places import Place
from tracking_server.artifacts.protocol import ArtifactInfo, ArtifactStore
from tracking_server.errors import InvalidParameter, TooLarge, Unavailable
from tracking_server.services import Services
from tracking_server.store import runs

CHUNK_BYTES = 1024 * 1024
MAX_BROWSER_UPLOAD_BYTES = 10 * 1024 * 1024

_TEXT = re.compile(
    r"\.(txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|ya?ml|xml|json|js|py3?|csv|tsv|md|rst|sh|r|sql)$",
    re.IGNORECASE,
)
_TEXT_NAMES = frozenset({"MLmodel", "MLproject"})


class ListRun(msgspec.Struct):
    """artifacts/list"""

    run_id: str | None = None
    run_uuid: str | None = None
    path: str = ""
    page_token: str = ""


class ListProxy(msgspec.Struct):
    """mlflow-artifacts/artifacts"""

    path: str = ""


async def _place(services: Services, run_id: str) -> tuple[Place, str]:
    run = await services.database.read(lambda connection: runs.find(connection, run_id))
    return services.places.of(run.artifact_uri), run.artifact_uri


async def list_run(services: Services, request: ListRun) -> object:
    """The entries of a directory among a run's artifacts, with paths relative to the run's root."""
    place, root_uri = await _place(services, run_id_of(request))
    path = place.path(request.path)
    found = await asyncio.to_thread(lambda: list(place.store.entries(path)))
    start = len(place.prefix) + 1 if place.prefix else 0
    reply: dict[str, object] = {"root_uri": root_uri}
    if found:
        reply["files"] = [
            ArtifactInfo(path=entry.path[start:], is_dir=entry.is_dir, file_size=entry.file_size)
            for entry in found
        ]
    return reply


async def list_proxy(services: Services, request: ListProxy) -> object:
    """The entries of a directory behind the proxy, with their bare names."""
    store = services.places.proxied
    path = safe_path(request.path)
    found = await asyncio.to_thread(lambda: list(store.entries(path)))
    if not found:
        return {}
    return {
        "files": [
            ArtifactInfo(path=PurePosixPath(entry.path).name, is_dir=entry.is_dir, file_size=entry.file_size)
            for entry in found
        ]
    }


async def download(services: Services, request: Request) -> Response:
    """A file behind the proxy."""
    return await send_file(services.places.proxied, safe_path(request.path_params["path"]))


async def get_artifact(services: Services, request: Request) -> Response:
    """A file among a run's artifacts."""
    query = request.query_params
    run_id = str(required(query.get("run_id") or query.get("run_uuid"), "run_id"))
    place, _ = await _place(services, run_id)
    return await send_file(place.store, place.path(str(required(query.get("path"), "path"))))


async def send_file(store: ArtifactStore, path: str) -> Response:
    """A file of a store as a download, streamed. Raises NotFound."""
    file, size_bytes = await asyncio.to_thread(store.open_reader, path)
    name = PurePosixPath(path).name
    return StreamingResponse(
        _chunks(file, size_bytes),
        media_type=media_type(name),
        headers={
            "Content-Length": str(size_bytes),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        },
    )


def media_type(name: str) -> str:
    """The type a file is sent as: readable files as text, so that viewers show them."""
    if name in _TEXT_NAMES or _TEXT.search(name):
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


async def _chunks(file: BinaryIO, size_bytes: int) -> AsyncIterator[bytes]:
    """The first `size_bytes` of a file: what was announced, even when somebody appends to it meanwhile."""
    left = size_bytes
    try:
        while left > 0:
            chunk = await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk
    finally:
        file.close()


async def upload(services: Services, request: Request) -> Response:
    """Store the request's body as a file behind the proxy."""
    await _receive(request, services.places.proxied, safe_path(request.path_params["path"]), None)
    return _empty()


async def upload_artifact(services: Services, request: Request) -> Response:
    """Store the request's body among a run's artifacts; for browsers, and small."""
    query = request.query_params
    run_id = str(required(query.get("run_uuid") or query.get("run_id"), "run_uuid"))
    place, _ = await _place(services, run_id)
    path = place.path(str(required(query.get("path"), "path")))
    await _receive(request, place.store, path, MAX_BROWSER_UPLOAD_BYTES)
    return _empty()


def _empty() -> Response:
    return Response(codec.encode({}), media_type="application/json")


async def _receive(request: Request, store: ArtifactStore, path: str, max_bytes: int | None) -> None:
    """Stream a body into a store. A client that goes away in the middle leaves nothing."""
    if not path:
        raise InvalidParameter("Invalid path: it is empty")
    try:
        writer = await asyncio.to_thread(store.open_writer, path)
        try:
            await _copy(request, writer.write, max_bytes)
            await asyncio.to_thread(writer.commit)
        finally:
            await asyncio.shield(asyncio.to_thread(writer.abort))
    except OSError as error:
        raise Unavailable(f"The artifact could not be stored: {error.strerror}") from error


async def _copy(request: Request, write: Callable[[bytes], None], max_bytes: int | None) -> None:
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
            await asyncio.to_thread(write, b"".join(waiting))
            waiting, waiting_bytes = [], 0
    if waiting_bytes:
        await asyncio.to_thread(write, b"".join(waiting))
    if announced.isdigit() and int(announced) != total:
        raise InvalidParameter(f"The upload was cut: {total} of {announced} bytes came.")


async def remove(services: Services, request: Request) -> Response:
    """Delete a file or a directory behind the proxy."""
    path = safe_path(request.path_params["path"])
    try:
        await asyncio.to_thread(services.places.proxied.remove, path)
    except OSError as error:
        raise Unavailable(f"The artifact could not be deleted: {error.strerror}") from error
    return _empty()


_PROXY = "/mlflow-artifacts/artifacts"

ENDPOINTS: list[Endpoint] = [
    Rpc(method="GET", path="/mlflow/artifacts/list", request=ListRun, handle=list_run),
    Rpc(method="GET", path=_PROXY, request=ListProxy, handle=list_proxy),
    Raw(method="GET", path=_PROXY + "/{path:path}", handle=download),
    Raw(method="PUT", path=_PROXY + "/{path:path}", handle=upload),
    Raw(method="DELETE", path=_PROXY + "/{path:path}", handle=remove),
    Raw(method="GET", path="/get-artifact", handle=get_artifact, prefixes=("",)),
    Raw(method="POST", path="/mlflow/upload-artifact", handle=upload_artifact, prefixes=AJAX_V2),
]
