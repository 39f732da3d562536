"""The files that pages load: styles, scripts, and Plotly from its Python package.

Their addresses hold a digest of them all, so that browsers keep them for good and never mix two versions.
Scripts import one another by relative paths, within the same digest.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import NotFound

PLOTLY = "plotly.min.js"

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asset:
    """A file in both of its forms."""

    plain: bytes
    packed: bytes


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(str(_plotly().stat().st_size).encode())
    return digest.hexdigest()[:12]


def url(name: str) -> str:
    """Where a file is served, for templates."""
    return f"/static/{_digest()}/{name}"


def takes_gzip(request: Request) -> bool:
    """Whether whoever asks can unpack a compressed reply."""
    offered = request.headers.get("accept-encoding", "")
    return any(part.partition(";")[0].strip() == "gzip" for part in offered.split(","))


async def serve(request: Request) -> Response:
    """A file. One of an older version is answered with the present one, and not kept."""
    name = str(request.path_params["name"])
    try:
        asset = await in_thread(_asset, name)
    except NotFound as error:
        return Response(str(error), status_code=404, media_type="text/plain")
    packed = takes_gzip(request)
    is_current = request.path_params["digest"] == _digest()
    headers = {"Cache-Control": _FOR_GOOD if is_current else "no-cache", "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(
        asset.packed if packed else asset.plain,
        media_type=_TYPES[Path(name).suffix],
        headers=headers,
    )


@cache
def _asset(name: str) -> _Asset:
    plain = _path(name).read_bytes()
    return _Asset(plain, gzip.compress(plain, 9 if len(plain) < 1_000_000 else 6))


def _path(name: str) -> Path:
    """Raises NotFound."""
    if name == PLOTLY:
        return _plotly()
    found = _FOLDER / name
    if found.parent != _FOLDER or found.suffix not in _TYPES or not found.is_file():
        raise NotFound(f"There is no file '{name[:100]}' for pages.")
    return found


@cache
def _plotly() -> Path:
    # Found, not imported: importing it takes a second.
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / PLOTLY
