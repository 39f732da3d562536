"""Which names a server may be called by: the defence against DNS rebinding.

A page of evil.example may have its name resolve to this server's address, and is then of one origin with
it in the eyes of a browser; but its requests carry `Host: evil.example`. So a request must name the server
by localhost, by a loopback or private address, by the address that the connection came to, or by a name
that was allowed. Wildcards and ports as in MLflow's option: `*.corp.example`, `192.168.*`, `ml.example:8080`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from tracking_server.errors import Forbidden

_MOST_REMEMBERED = 256


class AllowedHosts:
    """The names of one server. Immutable, apart from a bounded memory of its own answers."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._patterns = tuple(pattern.strip().lower() for pattern in allowed if pattern.strip())
        self._is_allowed = lru_cache(maxsize=_MOST_REMEMBERED)(self._look)

    def check(self, header: str, came_to: str) -> None:
        """Check a Host header of a connection to the address `came_to`. Raises Forbidden."""
        if not self._is_allowed(header, came_to):
            name = host_of(header)
            raise Forbidden(
                "Invalid Host header - possible DNS rebinding attack detected. Name the server by its "
                f"address, or start it with --allowed-hosts {name[:100]}"
            )

    def _look(self, header: str, came_to: str) -> bool:
        with_port = header.strip().lower()
        host = host_of(header)
        if not host:
            return False
        if host in ("localhost", came_to) or _is_near(host):
            return True
        return any(
            fnmatchcase(host, pattern) or fnmatchcase(with_port, pattern) or host == host_of(pattern)
            for pattern in self._patterns
            if pattern != "0.0.0.0"  # noqa: S104  # compared, not listened on
        )


def host_of(header: str) -> str:
    """The host of a Host header, without port and brackets, in lower case."""
    host = header.strip().lower()
    if host.startswith("["):
        inside, _, after = host[1:].partition("]")
        return inside if not after or after.startswith(":") else ""
    return host.partition(":")[0] if host.count(":") == 1 else host


def _is_near(host: str) -> bool:
    """Whether `host` is an address of this machine or of a private network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private or address.is_link_local or address.is_unspecified
