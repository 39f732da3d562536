"""Endpoints about the server itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tracking_server.api import codec
from tracking_server.api.routing import V3, Endpoint, Raw
from tracking_server.services import Services

MLFLOW_VERSION = "3.17.2"
"""The version of MLflow whose wire this server speaks; clients compare it with theirs."""


async def health(_services: Services, _request: Request) -> Response:
    """Whether the server answers."""
    return PlainTextResponse("OK")


async def version(_services: Services, _request: Request) -> Response:
    """The version of MLflow whose wire is spoken."""
    return PlainTextResponse(MLFLOW_VERSION)


async def server_info(_services: Services, _request: Request) -> Response:
    """What the server can do, as clients ask before they transfer artifacts."""
    return Response(
        codec.encode(
            {
                "store_type": "SqlStore",
                "workspaces_enabled": False,
                "trace_archival_enabled": False,
                "multipart_uploads_enabled": False,
                "multipart_downloads_enabled": False,
                "presigned_upload_run_id_supported": False,
                "presigned_upload_model_id_supported": False,
                "features_enabled": {"gateway": False},
            }
        ),
        media_type="application/json",
    )


ENDPOINTS: list[Endpoint] = [
    Raw(method="GET", path="/health", handle=health, prefixes=("",)),
    Raw(method="GET", path="/version", handle=version, prefixes=("",)),
    Raw(method="GET", path="/mlflow/server-info", handle=server_info, prefixes=V3),
]
