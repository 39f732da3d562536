"""Values for scripts, as JSON."""

from __future__ import annotations

import gzip

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.ui import static_files

_COMPRESSED_FROM_BYTES = 1_000
_QUICKLY = 3


def json_reply(request: Request, value: object) -> Response:
    """`value` as JSON, compressed where the client takes that and it is worth it."""
    body = msgspec.json.encode(value)
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie"}
    if len(body) >= _COMPRESSED_FROM_BYTES and static_files.takes_gzip(request):
        body = gzip.compress(body, _QUICKLY)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)
