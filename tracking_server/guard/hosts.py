"""Which names a server may be called by: the defence against DNS rebinding.

A page of evil.example may have its name resolve to this server's address, and is then of one origin with
it in the eyes of a browser; but its requests carry `Host: evil.example`. So a request must name the server
by localhost, by a loopback or private address, by the address that the connection came to, or by a name
that was allowed. Wildcards and ports as in MLflow's option: `*.corp.example`, `192.168.*`, `ml.example:8080`;
a name that is allowed without a port is allowed with every one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from tracking_server.errors import Forbidden

_MOST_REMEMBERED = 256
_BRACKETED = re.compile(r"\[([^\]]*)\](?::(.*))?")
_PORT = re.compile(r"[0-9]{0,5}")
_UNSAID_PORTS = ("80", "443")


class AllowedHosts:
    """The names of one server. Immutable, apart from a bounded memory of its own answers."""

    def __init__(self, allowed: Iterable[str]) -> None:
        patterns = [pattern.strip() for pattern in allowed]
        self._patterns = [
            _split(pattern)
            for pattern in patterns
            if pattern and pattern != "0.0.0.0"  # noqa: S104  # compared, not listened on
        ]
        self._is_allowed = lru_cache(maxsize=_MOST_REMEMBERED)(self._look)

    def check(self, header: str, came_to: str) -> None:
        """Check a Host header of a connection to the address `came_to`. Raises Forbidden."""
        if not self._is_allowed(header, came_to):
            name = host_of(header)
            what_to_do = (
                f"Name the server by its address, or start it with --allowed-hosts {name[:100]}"
                if name
                else "It names no host: give a name or an address, and a port of digits if any."
            )
            raise Forbidden(f"Invalid Host header - possible DNS rebinding attack detected. {what_to_do}")

    def _look(self, header: str, came_to: str) -> bool:
        host = host_of(header)
        if not host:
            return False
        if host in ("localhost", came_to) or _is_near(host):
            return True
        _, port = _split(header)
        return any(
            fnmatchcase(host, name) and (not wanted or _is_port(port, wanted))
            for name, wanted in self._patterns
        )


def host_of(header: str) -> str:
    """The host of a Host header, without port and brackets, in lower case; nothing where it is malformed."""
    host, port = _split(header)
    # Whatever else stands there, somebody on the way may take for the host: `localhost:80@evil.example`.
    is_sound = _PORT.fullmatch(port) and (":" not in host or _address(host))
    return host if is_sound else ""


def _split(text: str) -> tuple[str, str]:
    """Host and port of a header or a pattern, as they stand there, in lower case and without brackets."""
    text = text.strip().lower()
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed and _address(bracketed[1]):
        return bracketed[1], bracketed[2] or ""
    host, _, port = text.partition(":")
    return (host, port) if text.count(":") == 1 else (text, "")


def _is_port(port: str, wanted: str) -> bool:
    return any(fnmatchcase(one, wanted) for one in ([port] if port else _UNSAID_PORTS))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_near(host: str) -> bool:
    """Whether `host` is an address of this machine or of a private network."""
    address = _address(host)
    return address is not None and (
        address.is_loopback or address.is_private or address.is_link_local or address.is_unspecified
    )
