"""Markdown as HTML that can do no harm: without HTML of its own, styles, or pictures of another host."""

from __future__ import annotations

import posixpath
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from markupsafe import Markup

from tracking_server.artifacts.paths import safe_path
from tracking_server.errors import InvalidParameter
from tracking_server.ui.artifacts.held import Held

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# fmt: off
_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre",
    "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}
# fmt: on
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "pre": {"tabindex"}}
_SCHEMES = {"http", "https", "mailto"}


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    return parser.enable(["table", "strikethrough"])


def html(text: str, held: Held, path: str) -> Markup:
    """The HTML of a Markdown file at `path`. Pictures and links relative to it lead to the files beside it.

    Headings begin a level below the page's own. Pictures of other hosts are left out, which the page's policy
    refuses anyway: a reader asks nobody else for anything.
    """
    import nh3

    tokens = _parser().parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    rendered = _parser().renderer.render(tokens, _parser().options, {})
    rendered = rendered.replace("<pre>", '<pre tabindex="0">')
    beside = posixpath.dirname(path)

    def attribute(element: str, name: str, value: str) -> str | None:
        if (element, name) == ("img", "src"):
            return _picture(value, held, beside)
        if (element, name) == ("a", "href"):
            return _link(value, held, beside)
        return value

    clean = nh3.clean(
        rendered,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        attribute_filter=attribute,
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704  # nh3 has just made it harmless


def _picture(address: str, held: Held, beside: str) -> str | None:
    path = _path(address, beside)
    return None if path is None else held.raw(path)


def _link(address: str, held: Held, beside: str) -> str | None:
    path = _path(address, beside)
    if path is not None:
        return held.shown(path)
    return address if urlsplit(address).scheme in _SCHEMES else None


def _path(address: str, beside: str) -> str | None:
    """The path among the artifacts that a relative address means; None for any other."""
    try:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
            return None
        return safe_path(posixpath.normpath(posixpath.join(beside, unquote(parts.path))))
    except (ValueError, InvalidParameter):
        return None
