"""A file as it is, for the elements of the viewer that show it: `<img>`, `<audio>`, `<video>`, `<iframe>`.

Whoever may log may store anything, also a page that attacks its reader. So everything is sent with a policy
of its own, in whatever way it is opened:

* the type is one of `kinds`, and browsers must not guess another (`nosniff`, which the guard adds);
* `sandbox` gives the file an origin that is nobody's: no cookies, no storage, no reading of this server;
* an HTML page may run its own scripts, since reports are made of them, and ask nobody for anything: what it
  shows it must hold, what it knows it cannot tell. It is shown within a page only; alone in a tab, where it
  could pass for a page of ours and lead elsewhere, it is a download;
* every other file runs nothing, an SVG image neither. PDF viewers of browsers do not start within a sandbox,
  and are walled off by themselves.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api.transfers import send_file
from tracking_server.ui.artifacts import kinds
from tracking_server.ui.artifacts.held import Held

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
_INERT = f"{_NOTHING}; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; sandbox"
_SCRIPTED = (
    f"{_NOTHING}; script-src 'unsafe-inline' 'unsafe-eval' blob: data:; worker-src blob:; "
    "style-src 'unsafe-inline' data:; img-src data: blob:; media-src data: blob:; font-src data:; "
    "sandbox allow-scripts"
)
_DOCUMENT = f"{_NOTHING}; object-src 'self'; style-src 'unsafe-inline'"


async def send(held: Held, path: str, request: Request) -> Response:
    """A file to be shown; one that cannot be shown as it is goes as a download. Raises ServerError."""
    kind = kinds.of(path)
    reply = await send_file(held.place.store, held.place.path(path), request)
    reply.headers["Cache-Control"] = "private, no-cache"
    reply.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    reply.headers["Content-Security-Policy"] = _policy(kind.how)
    is_alone = request.headers.get("sec-fetch-dest", "") == "document"
    if kind.media_type is not None and not (kind.how == "html" and is_alone):
        reply.headers["Content-Type"] = kind.media_type
        saved_as = reply.headers["Content-Disposition"].partition(";")[2]
        reply.headers["Content-Disposition"] = f"inline;{saved_as}"
    return reply


def _policy(how: kinds.How) -> str:
    if how == "html":
        return _SCRIPTED
    return _DOCUMENT if how == "pdf" else _INERT
