"""Markdown that clients wrote, as HTML that can do no harm: only what is on a list may stay of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
    "pre": {"tabindex"},
    "th": {"colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|avif|svg\+xml)[;,]|/(?![/\\])")
_OUTERMOST_HEADING = 3


Place = Callable[[str], "str | None"]
"""Where an address in a text leads; None where what bears it goes."""


def own_picture(address: str) -> str | None:
    """A picture of this server, or one that stands in the text itself."""
    return address if address.isprintable() and _PICTURE.match(address) else None


def any_link(address: str) -> str | None:
    """Whatever a link leads to, but no page that stands in the link."""
    return None if address.strip().lower().startswith("data:") else address


def rendered(text: str, *, picture: Place = own_picture, link: Place = any_link) -> Markup:
    """`text` as HTML for the inside of a section whose heading is an h2.

    Links tell the page they lead to nothing of where they came from. Of pictures that `picture` refuses only
    the words that describe them are left.
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
            attribute_filter=lambda tag, name, value: _kept(tag, name, value, picture, link),
            url_schemes={"http", "https", "mailto", "data"},
            link_rel="noopener noreferrer nofollow",
        )
    )


def _kept(tag: str, name: str, value: str, picture: Place, link: Place) -> str | None:
    """An attribute's value, or None where the attribute goes."""
    if name == "href":
        return link(value)
    if name == "src":
        return picture(value) if tag == "img" else None
    return value


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.core.ruler.push("headings_in_order", _put_headings_in_order)
    parser.add_render_rule("fence", _scrolled)
    parser.add_render_rule("code_block", _scrolled)
    return parser


def _scrolled(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """Code, in a block that is scrolled with keys."""
    from markdown_it.common.utils import escapeHtml

    return f'<pre tabindex="0"><code>{escapeHtml(tokens[index].content)}</code></pre>\n'


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
