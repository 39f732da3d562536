"""Endpoints of artifacts: listing a run's, the proxy that clients read and write through, downloads."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import codec, multipart, presigned
from tracking_server.api.codec import required
from tracking_server.api.fields import run_id_of
from tracking_server.api.routing import AJAX_V2, Endpoint, Raw, Rpc
from tracking_server.api.transfers import ask, listing, listing_of, receive, send_file
from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.places import Place
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import runs

MAX_BROWSER_UPLOAD_BYTES = 10 * 1024 * 1024


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
    return await listing_of(place, request.path, root_uri)


async def list_proxy(services: Services, request: ListProxy) -> object:
    """The entries of a directory behind the proxy, with their bare names."""
    path = safe_path(request.path)
    return await listing(services.places.proxied, path, lambda path: path.rpartition("/")[2])


async def download(services: Services, request: Request) -> Response:
    """A file behind the proxy."""
    return await send_file(services.places.proxied, safe_path(request.path_params["path"]), request)


async def get_artifact(services: Services, request: Request) -> Response:
    """A file among a run's artifacts."""
    query = request.query_params
    run_id = str(required(query.get("run_id") or query.get("run_uuid"), "run_id"))
    place, _ = await _place(services, run_id)
    return await send_file(place.store, place.path(str(required(query.get("path"), "path"))), request)


async def upload(services: Services, request: Request) -> Response:
    """Store the request's body as a file behind the proxy."""
    store, path = services.places.proxied, _file_path(safe_path(request.path_params["path"]))
    await receive(request, lambda: store.open_writer(path))
    return _empty()


async def upload_artifact(services: Services, request: Request) -> Response:
    """Store the request's body among a run's artifacts; for browsers, and small."""
    query = request.query_params
    run_id = str(required(query.get("run_uuid") or query.get("run_id"), "run_uuid"))
    place, _ = await _place(services, run_id)
    path = place.path(_file_path(safe_path(str(required(query.get("path"), "path")))))
    await receive(request, lambda: place.store.open_writer(path), MAX_BROWSER_UPLOAD_BYTES)
    return _empty()


def _file_path(path: str) -> str:
    if not path:
        raise InvalidParameter("Invalid path: it is empty")
    return path


def _empty() -> Response:
    return Response(codec.encode({}), media_type="application/json")


async def remove(services: Services, request: Request) -> Response:
    """Delete a file or a directory behind the proxy."""
    path = safe_path(request.path_params["path"])
    await ask("deleted", services.places.proxied.remove, path)
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
    *multipart.ENDPOINTS,
    *presigned.ENDPOINTS,
]
