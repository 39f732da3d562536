"""Markdown among artifacts: what it shows and leads to may lie beside it."""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tracking_server.artifacts.paths import safe_path
from tracking_server.errors import InvalidParameter
from tracking_server.ui import markdown
from tracking_server.ui.artifacts.held import Held

if TYPE_CHECKING:
    from markupsafe import Markup

_SCHEMES = {"http", "https", "mailto"}


def html(text: str, held: Held, path: str) -> Markup:
    """The HTML of a Markdown file at `path`. Pictures and links relative to it lead to the files beside it.

    Pictures of other hosts are left out, which the page's policy refuses anyway: a reader asks nobody else.
    """
    beside = posixpath.dirname(path)
    return markdown.rendered(
        text,
        picture=partial(_picture, held=held, beside=beside),
        link=partial(_link, held=held, beside=beside),
    )


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
