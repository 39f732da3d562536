"""What every page is made of: its template, its headers, what it says of an error.

Everything a client stored is escaped. The content policy allows scripts and styles of this server only, none
that stand in a page, and no request to anybody else.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tracking_server.errors import ServerError
from tracking_server.services import Services
from tracking_server.store.clock import now_ms
from tracking_server.ui import address, markdown, static_files, visitor, wording

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.types import Receive, Scope, Send

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
_NOT_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie"}


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
        markdown=markdown.rendered,
    )
    environment.globals.update(asset=static_files.url, url=address.url)
    return environment


@cache
def _renderers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="pages")


class _PageResponse(Response):
    """A page that is rendered when it is sent, in a thread: a large one holds up no other request."""

    media_type = "text/html"

    def __init__(self, template: str, values: Mapping[str, Any], *, is_compressed: bool, status: int) -> None:
        super().__init__(status_code=status)
        self._template = template
        self._values = values
        self._is_compressed = is_compressed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what the template raises, before anything is sent."""
        await asyncio.get_running_loop().run_in_executor(_renderers(), self._render)
        await super().__call__(scope, receive, send)

    def _render(self) -> None:
        html = _templates().get_template(self._template).render(**self._values)
        # Half a character of UTF-16, which JSON can hold and UTF-8 cannot, becomes a question mark.
        self.body = _packed(html.encode(errors="replace"), self.headers, is_compressed=self._is_compressed)


def page(
    request: Request,
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page. Templates find the query of the request as `query`, for links that keep most of it.

    `now_ms` is known to all of them: relative times count from it.
    """
    known = {
        "query": request.query_params,
        "status": status,
        "visitor": visitor.of(request),
        "now_ms": now_ms(),
    }
    response = _PageResponse(
        template, {**known, **values}, is_compressed=static_files.takes_gzip(request), status=status
    )
    response.headers.update(
        {
            **_NOT_KEPT,
            "Content-Security-Policy": POLICY,
            # Without any, browsers say that a form comes from nowhere, and the guard lets none in.
            "Referrer-Policy": "same-origin",
            **(headers or {}),
        }
    )
    return response


def json_reply(request: Request, value: object) -> Response:
    """`value` as JSON, for the scripts of a page and for other programs. Blocks while it is written."""
    response = Response(media_type="application/json", headers=_NOT_KEPT)
    content = msgspec.json.encode(value)
    response.body = _packed(content, response.headers, is_compressed=static_files.takes_gzip(request))
    return response


def file_reply(content: bytes, media_type: str, name: str) -> Response:
    """`content` as a file called `name`, which browsers store and do not show."""
    return Response(content, media_type=media_type, headers=file_headers(name))


def file_headers(name: str) -> dict[str, str]:
    """The headers of a reply that browsers store as a file called `name`, which needs no quoting."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _packed(content: bytes, headers: MutableHeaders, *, is_compressed: bool) -> bytes:
    """The body of a reply, compressed where that is taken and worth it; `headers` say so."""
    if is_compressed and len(content) >= _COMPRESSED_FROM_BYTES:
        content = gzip.compress(content, _QUICKLY)
        headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(content))
    return content


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
