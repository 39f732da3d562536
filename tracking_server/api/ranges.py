"""Which part of a file a request wants: `Range`, `If-Range` and `If-None-Match` of RFC 9110.

One range is answered as asked; several at once are answered by the whole file, as every server may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

from tracking_server.artifacts.protocol import FileFacts

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The bytes from `start` to before `end`, with the status that says so: 200, 206, 304 or 416."""

    status: int
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many bytes are sent."""
        return self.end - self.start

    def headers(self, facts: FileFacts) -> dict[str, str]:
        """The headers that go with it."""
        found = {
            "Accept-Ranges": "bytes",
            "ETag": facts.etag,
            "Last-Modified": formatdate(facts.modified_at_s, usegmt=True),
            # Without it, browsers and what stands between keep a file that has long been replaced.
            "Cache-Control": "private, no-cache",
        }
        if self.status == 206:
            found["Content-Range"] = f"bytes {self.start}-{self.end - 1}/{facts.size_bytes}"
        if self.status == 416:
            found["Content-Range"] = f"bytes */{facts.size_bytes}"
        if self.status != 304:
            found["Content-Length"] = str(self.size_bytes)
        return found


def wanted(headers: Mapping[str, str], facts: FileFacts) -> Wanted:
    """What a request with these headers wants of a file."""
    if _names(headers.get("if-none-match", ""), facts.etag):
        return Wanted(status=304, start=0, end=0)
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or not _still(headers.get("if-range"), facts):
        return Wanted(status=200, start=0, end=facts.size_bytes)
    return _cut(match[1], match[2], facts.size_bytes)


def _cut(first: str, last: str, size_bytes: int) -> Wanted:
    whole = Wanted(status=200, start=0, end=size_bytes)
    if first:
        start, end = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
        if last and int(last) < int(first):
            return whole  # no valid range, which is to be ignored
    elif last:
        start, end = max(size_bytes - int(last), 0), size_bytes
    else:
        return whole
    if start >= end:
        return Wanted(status=416, start=0, end=0)
    return Wanted(status=206, start=start, end=end)


def _names(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return header.strip() == "*" or etag in tags


def _still(header: str | None, facts: FileFacts) -> bool:
    """Whether the file is the one that the client has a part of already."""
    if header is None or header.strip() == facts.etag:
        return True
    try:
        return int(parsedate_to_datetime(header).timestamp()) == int(facts.modified_at_s)
    except (ValueError, TypeError, OverflowError):
        return False
