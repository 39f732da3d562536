"""Markdown that clients wrote, as HTML that can do no harm: only what is on a list may stay of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from markupsafe import Markup

MOST_CHARACTERS = 100_000
"""Of a longer text only the beginning is rendered."""

_TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "kbd"),
    *("em", "strong", "b", "i", "s", "del", "ins", "sub", "sup", "a", "img", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "th": {"colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|avif|svg\+xml)[;,]|/(?![/\\])")
_OUTERMOST_HEADING = 3


def rendered(text: str) -> Markup:
    """`text` as HTML for the inside of a section whose heading is an h2.

    Links tell the page they lead to nothing of where they came from. Pictures are of this server or stand in
    the text itself; of others only the words that describe them are left.
    """
    # Imported with the first text: most pages have none.
    import nh3
    from markupsafe import Markup

    return Markup(  # noqa: S704  # cleaned by what stands inside
        nh3.clean(
            _parser().render(text[:MOST_CHARACTERS]),
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            clean_content_tags={"script", "style", "template", "noscript"},
            attribute_filter=_kept,
            url_schemes={"http", "https", "mailto", "data"},
            link_rel="noopener noreferrer nofollow",
        )
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """An attribute's value, or None where the attribute goes."""
    if name == "href":
        return None if value.strip().lower().startswith("data:") else value
    if name == "src":
        return value if tag == "img" and value.isprintable() and _PICTURE.match(value) else None
    return value


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.core.ruler.push("headings_in_order", _put_headings_in_order)
    return parser


def _put_headings_in_order(state: Any) -> None:
    """Headings begin under those of the page, and none is more than one level below the one before it."""
    tokens: Sequence[Token] = state.tokens
    open_levels: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while open_levels and open_levels[-1] >= level:
                open_levels.pop()
            open_levels.append(level)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, _OUTERMOST_HEADING + len(open_levels) - 1)}"
