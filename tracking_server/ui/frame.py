"""What every page is made of: its template, its headers, what it says of an error.

Everything a client stored is escaped. The content policy allows scripts and styles of this server only, none
that stand in a page, and no request to anybody else.
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tracking_server.errors import ServerError
from tracking_server.services import Services
from tracking_server.store.clock import now_ms
from tracking_server.ui import address, static_files, visitor, wording

if TYPE_CHECKING:
    from jinja2 import Environment

Page = Callable[[Services, Request], Awaitable[Response]]
"""Answers one request for a page. A ServerError that it raises becomes a page that says so."""

_TEMPLATES = Path(__file__).parent / "templates"
# The digest of an empty style: Plotly makes one, and fills it by rules that a policy has no say in.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {_EMPTY_STYLE}; img-src 'self' data: blob:; "
    "media-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
_COMPRESSED_FROM_BYTES = 1_000
_QUICKLY = 3
_NONE: Mapping[str, str] = {}


@cache
def _templates() -> Environment:
    # Imported with the first page: a server that only answers clients never needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ago=wording.ago,
        moment=wording.moment,
        number=wording.number,
        size=wording.size,
        count=wording.count,
        exact=wording.exact,
        signed=wording.signed,
        percent=wording.percent,
    )
    environment.globals.update(asset=static_files.url, url=address.url)
    return environment


def rendered(template: str, **values: Any) -> str:
    """The text of a template. `now_ms` is known to all: relative times count from it."""
    values.setdefault("now_ms", now_ms())
    return _templates().get_template(template).render(**values)


def page(
    request: Request,
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page. Templates find the query of the request as `query`, for links that keep most of it."""
    values = {"query": request.query_params, "status": status, "visitor": visitor.of(request), **values}
    given = {
        "Content-Security-Policy": POLICY,
        # Without a referrer at all, browsers say that a form comes from nowhere, and the guard lets none in.
        "Referrer-Policy": "same-origin",
        **(headers or {}),
    }
    # Half a character of UTF-16, which JSON can hold and UTF-8 cannot, becomes a question mark.
    html = rendered(template, **values).encode(errors="replace")
    return _reply(request, html, "text/html", status=status, headers=given)


def json_reply(request: Request, value: object) -> Response:
    """`value` as JSON, for the scripts of a page and for other programs. Blocks while it is written."""
    return _reply(request, msgspec.json.encode(value), "application/json")


def file_reply(content: bytes, media_type: str, name: str) -> Response:
    """`content` as a file called `name`, which browsers store and do not show."""
    return Response(content, media_type=media_type, headers=file_headers(name))


def file_headers(name: str) -> dict[str, str]:
    """The headers of a reply that browsers store as a file called `name`, which needs no quoting."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _reply(
    request: Request,
    content: bytes,
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] = _NONE,
) -> Response:
    """A reply that is compressed where the client takes that and it is worth it."""
    given = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie", **headers}
    if len(content) >= _COMPRESSED_FROM_BYTES and static_files.takes_gzip(request):
        content = gzip.compress(content, _QUICKLY)
        given["Content-Encoding"] = "gzip"
    return Response(content, media_type=media_type, status_code=status, headers=given)


def after_a_change(where: str) -> Response:
    """Sends the browser to the page that shows what was changed; going back does not change it again."""
    return RedirectResponse(where, status_code=303)


def answer(services: Services, made: Page) -> Callable[[Request], Awaitable[Response]]:
    """A page as an endpoint of the site."""

    async def respond(request: Request) -> Response:
        try:
            return await made(services, request)
        except ServerError as error:
            return page(request, "problem.html", status=error.status, message=str(error))

    return respond
