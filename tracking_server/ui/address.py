"""Addresses of pages. What a page shows is in its query: it can be shared and gone back to."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams


def url(path: str, query: QueryParams | None = None, /, **changes: object) -> str:
    """`path` with the query of the present page and `changes` to it.

    A change of None or "" takes a field away; a list or tuple gives it several times. The token of a page is
    not kept when something else changes: it belongs to the list as it was.
    """
    pairs = [] if query is None else [pair for pair in query.multi_items() if pair[0] not in changes]
    if query is not None and changes and "page_token" not in changes:
        pairs = [pair for pair in pairs if pair[0] != "page_token"]
    for name, value in changes.items():
        several = value if isinstance(value, (list, tuple)) else [value]
        pairs.extend((name, str(each)) for each in several if each is not None and each != "")
    return quote(path, safe="/") + (f"?{urlencode(pairs)}" if pairs else "")


def here(path: str) -> str:
    """A path of this server that a form named as the page to go back to; "/" where it leads elsewhere."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and "\\" not in path.partition("?")[0] else "/"
