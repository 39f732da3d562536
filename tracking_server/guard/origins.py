"""Whether a request was made by a page of another site, which must change nothing here.

Browsers tell the origin of every request that may change something, and newer ones the relation between
the page's site and this one (`Sec-Fetch-Site`); other clients tell neither. Pages of `--cors-allowed-origins`
may call everything and read the replies; they bring a token, never a cookie.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import Response

from tracking_server.errors import Forbidden

READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
_LONGEST_HEADERS = 1000


class AllowedOrigins:
    """Whose pages may call this server. Immutable."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.strip().rstrip("/").lower() for origin in allowed if origin.strip())

    def check(self, method: str, *, origin: str | None, host: str, fetch_site: str | None) -> None:
        """Check a request that may change something. Raises Forbidden."""
        if method in READING:
            return
        if origin is not None:
            if not self._is_own(origin, host) and not self.admits(origin):
                raise Forbidden("Cross-origin request blocked")
        elif fetch_site is not None and fetch_site.lower() not in _OWN:
            raise Forbidden("Cross-origin request blocked")

    def admits(self, origin: str) -> bool:
        """Whether pages of another origin were allowed by name."""
        return origin.lower() in self._allowed

    def headers(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """What lets an allowed page read a reply; nothing for everybody else."""
        if origin is None or not self._allowed or not self.admits(origin):
            return []
        return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]

    def preflight(self, origin: str | None, wanted_headers: str) -> Response | None:
        """The reply to a browser that asks first; None where it is not to be told anything."""
        if origin is None or not self.admits(origin):
            return None
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
                "Access-Control-Allow-Headers": wanted_headers[:_LONGEST_HEADERS]
                or "authorization, content-type",
                "Access-Control-Max-Age": "600",
            },
        )

    def _is_own(self, origin: str, host: str) -> bool:
        try:
            return origin != "null" and bool(host) and urlsplit(origin).netloc.lower() == host.lower()
        except ValueError:  # brackets that are no address
            return False
