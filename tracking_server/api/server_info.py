"""Endpoints about the server itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tracking_server.api import codec
from tracking_server.api.routing import V3, Endpoint, Raw
from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import ServerError
from tracking_server.services import Services

MLFLOW_VERSION = "3.17.2"
"""The version of MLflow whose wire this server speaks; clients compare it with theirs."""


async def health(services: Services, _request: Request) -> Response:
    """Whether the server can do its work: its database answers, and writes are taken. 503 where not."""
    await services.readiness.check()
    return PlainTextResponse("OK")


async def version(_services: Services, _request: Request) -> Response:
    """The version of MLflow whose wire is spoken."""
    return PlainTextResponse(MLFLOW_VERSION)


async def server_info(services: Services, _request: Request) -> Response:
    """What the server can do, as clients ask before they transfer artifacts."""
    signs, reads = await _transfers(services)
    return Response(
        codec.encode(
            {
                "store_type": "SqlStore",
                "workspaces_enabled": False,
                "trace_archival_enabled": False,
                "multipart_uploads_enabled": signs,
                "multipart_downloads_enabled": reads,
                "presigned_upload_run_id_supported": True,
                "presigned_upload_model_id_supported": True,
                "features_enabled": {"gateway": False},
            }
        ),
        media_type="application/json",
    )


async def _transfers(services: Services) -> tuple[bool, bool]:
    """Whether clients should ask for signed uploads in parts, and for signed downloads.

    Uploads in parts to a directory of this machine work for clients that ask for them. No client is told to,
    since the server does not know by which address it is reached when something stands before it.
    """
    signed = services.places.signed if services.places.serves else None
    if signed is None:
        return False, False
    try:
        return True, await in_thread(lambda: signed.reading_is_certain)
    except ServerError:  # the store cannot be reached: nothing to be told of
        return False, False


ENDPOINTS: list[Endpoint] = [
    Raw(method="GET", path="/health", handle=health, prefixes=("",), is_open=True),
    Raw(method="GET", path="/version", handle=version, prefixes=("",), is_open=True),
    Raw(method="GET", path="/mlflow/server-info", handle=server_info, prefixes=V3),
]
