"""Signed URLs: requests that clients may make of the artifact store themselves, for a while."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import codec
from tracking_server.api.codec import Int64, required
from tracking_server.api.routing import Endpoint, Raw, Rpc
from tracking_server.api.transfers import ask, media_type
from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.places import PROXY_SCHEME
from tracking_server.artifacts.protocol import Signed, SignedTransfers
from tracking_server.errors import InvalidParameter, NotSupported
from tracking_server.services import Services
from tracking_server.store import logged_models, runs

UPLOAD_LIVES_S = 900
DOWNLOAD_LIVES_S = 300
LONGEST_LIFE_S = 604_800
"""What every store takes at most: seven days."""

LIFE_VARIABLE = "MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS"
"""Where an operator says how long downloads are signed for when clients do not."""


class Upload(msgspec.Struct):
    """artifacts/presigned-upload-url"""

    run_id: str = ""
    model_id: str = ""
    path: str | None = None
    expiration: Int64 | None = None


class Download(msgspec.Struct):
    """artifacts/presigned-download-url"""

    run_id: str = ""
    path: str | None = None
    expiration: Int64 | None = None


async def sign_upload(services: Services, request: Upload) -> object:
    """A signed URL that writes one file of a run or a logged model."""
    if bool(request.run_id) == bool(request.model_id):
        raise InvalidParameter("Exactly one of run_id and model_id must be provided.")
    path = safe_path(str(required(request.path, "path")))
    lives_s = _life(request.expiration, UPLOAD_LIVES_S)
    if request.run_id:
        run = await services.database.read(lambda connection: runs.find(connection, request.run_id))
        uri = run.artifact_uri
    else:
        model = await services.database.read(lambda c: logged_models.find(c, request.model_id))
        uri = model.artifact_uri
    store, place = _direct(services, uri, "upload")
    signed = await ask("signed", store.upload, f"{place}/{path}".strip("/"), media_type(path), lives_s)
    return _reply(signed)


async def sign_download(services: Services, request: Download) -> object:
    """A signed URL that reads one file of a run."""
    run_id = str(required(request.run_id, "run_id"))
    path = safe_path(str(required(request.path, "path")))
    lives_s = _life(request.expiration, _download_life())
    run = await services.database.read(lambda connection: runs.find(connection, run_id))
    store, place = _direct(services, run.artifact_uri, "download")
    return _reply(await ask("signed", store.download, f"{place}/{path}".strip("/"), lives_s))


async def sign_proxied(services: Services, request: Request) -> Response:
    """A signed URL that reads one file behind the proxy, in ranges."""
    path = safe_path(request.path_params["path"])
    store = services.places.signed
    if store is None:
        raise NotSupported("Multipart download is not supported for the current artifact repository")
    signed = await ask("signed", store.download, path, _life(None, _download_life()))
    reply = {"url": signed.url, "headers": signed.headers, "file_size": signed.size_bytes}
    return Response(codec.encode(reply), media_type="application/json")


def _direct(services: Services, artifact_uri: str, what: str) -> tuple[SignedTransfers, str]:
    scheme = urlsplit(artifact_uri).scheme
    if scheme in ("http", "https", PROXY_SCHEME):
        raise InvalidParameter(
            f"Presigned {what} is not supported for proxied artifact storage "
            f"(artifact URI scheme: {scheme}). This endpoint requires a direct cloud storage artifact URI."
        )
    place = services.places.of(artifact_uri)
    if place.signed is None:
        raise NotSupported(f"Presigned {what} is not supported for the current artifact repository")
    return place.signed, place.prefix


def _life(asked: int | None, default_s: int) -> int:
    lives_s = default_s if asked is None else asked
    if not 1 <= lives_s <= LONGEST_LIFE_S:
        raise InvalidParameter(f"expiration must be between 1 and {LONGEST_LIFE_S} seconds (got {lives_s}).")
    return lives_s


def _download_life() -> int:
    configured = os.environ.get(LIFE_VARIABLE, "")
    return int(configured) if configured.isdigit() else DOWNLOAD_LIVES_S


def _reply(signed: Signed) -> object:
    reply: dict[str, object] = {"presigned_url": signed.url, "headers": signed.headers}
    if signed.size_bytes is not None:
        reply["file_size"] = signed.size_bytes
    return reply


ENDPOINTS: list[Endpoint] = [
    Raw(method="GET", path="/mlflow-artifacts/presigned/{path:path}", handle=sign_proxied),
    Rpc(method="POST", path="/mlflow/artifacts/presigned-upload-url", request=Upload, handle=sign_upload),
    Rpc(
        method="POST",
        path="/mlflow/artifacts/presigned-download-url",
        request=Download,
        handle=sign_download,
        reads=True,
    ),
]
