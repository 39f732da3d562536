"""Which artifact paths and locations are safe: the rules against every traversal seen in the wild.

A path is decoded until it no longer changes, since what checks it and what opens it may decode differently
often. What is then absolute, climbs, or holds a character with a meaning in URIs is refused.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from tracking_server.errors import InvalidParameter

MAX_PATH_LENGTH = 4000
MAX_DEPTH = 100
MAX_NAME_BYTES = 255
_MAX_DECODINGS = 10
_FORBIDDEN = re.compile(r"[#?;\\\x00-\x1f\x7f]")
# "file:/x" and "C:/x"; a colon alone is part of many honest names.
_SCHEME_OR_DRIVE = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:/")


def safe_path(path: str) -> str:
    """`path` relative to an artifact root with "/" between its parts and none empty; "" is the root itself.

    Raises InvalidParameter for everything that could name something else.
    """
    if len(path) > MAX_PATH_LENGTH:  # first: decoding a long one takes long
        raise InvalidParameter(f"Invalid path: {path[:200]!r}… has more than {MAX_PATH_LENGTH} characters")
    decoded = _decoded(path)
    parts = [part for part in decoded.split("/") if part not in ("", ".")]
    if (
        decoded.startswith("/")
        or ".." in parts
        or _FORBIDDEN.search(decoded)
        or _SCHEME_OR_DRIVE.match(decoded)
        or not is_storable(path)
        or not is_storable(decoded)
    ):
        raise InvalidParameter(f"Invalid path: {path[:200]!r}")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def is_storable(path: str) -> bool:
    """Whether a path is text, and neither it nor a name in it is longer than file systems take."""
    try:
        sizes = [len(part.encode()) for part in path.split("/")]
    except UnicodeEncodeError:  # half a character, or a file's name that is no UTF-8
        return False
    return len(sizes) <= MAX_DEPTH and max(sizes) <= MAX_NAME_BYTES


def _decoded(path: str) -> str:
    for _ in range(_MAX_DECODINGS):
        further = unquote(path)
        if further == path:
            return path
        path = further
    raise InvalidParameter("Invalid path: it is percent-encoded too many times")


def location_problem(location: str) -> str | None:
    """What is wrong with `location` as the artifact location of an experiment, or None."""
    if len(location) > MAX_PATH_LENGTH:
        return f"Invalid artifact location: {location[:200]!r}… has more than {MAX_PATH_LENGTH} characters"
    try:
        decoded = _decoded(location)
    except InvalidParameter as error:
        return str(error)
    scheme, separator, rest = decoded.partition(":")
    parts = (rest if separator else scheme).split("/")
    if _FORBIDDEN.search(decoded) or ".." in parts:
        return (
            f"Invalid artifact location: {location[:200]!r}. It must not hold '..', '#', '?', ';', "
            "backslashes or control characters."
        )
    return None
