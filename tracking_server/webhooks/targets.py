"""Whom deliveries go to: the URL of a webhook, taken apart, and what an operator allows beyond the rule."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tracking_server.errors import InvalidParameter, StartRefused
from tracking_server.webhooks.addresses import Address

HTTPS_PORT = 443
FIRST_FREE_PORT = 1024
"""Below it are the ports of mail, shells and databases; only that of https is for webhooks."""

MAX_URL_LENGTH = 2000

_PLAIN = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a delivery goes. `host` is in lower case; `address` is set where it is an address already."""

    host: str
    port: int
    path: str
    address: Address | None

    @property
    def authority(self) -> str:
        """Host and port as an HTTP request names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """The target that `url` names. Raises InvalidParameter for anything but a plain https URL."""
    if not url.strip():
        raise InvalidParameter(f"Webhook URL cannot be empty or just whitespace: {url[:100]!r}")
    if len(url) > MAX_URL_LENGTH:
        raise InvalidParameter(f"Webhook URL is longer than {MAX_URL_LENGTH} characters.")
    # Parsers disagree about blanks, control characters, backslashes and what lies beyond ASCII.
    if _PLAIN.fullmatch(url) is None or "\\" in url:
        raise InvalidParameter(
            "Invalid webhook URL: it must consist of printable ASCII characters without blanks and "
            "backslashes. Percent-encode others in the path, and write the host in its xn-- form."
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidParameter(f"Invalid webhook URL: {error}") from None
    if parts.scheme != "https":
        raise InvalidParameter(
            f"Invalid webhook URL scheme: {parts.scheme[:40]!r}. Allowed schemes are: https."
        )
    if "@" in parts.netloc:
        raise InvalidParameter("Webhook URL must not include embedded credentials. Use a secret instead.")
    if not host:
        raise InvalidParameter(f"Webhook URL must include a hostname: {url[:300]!r}")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name, address = _host(host)
    return Target(host=name, port=HTTPS_PORT if port is None else port, path=path, address=address)


def _host(host: str) -> tuple[str, Address | None]:
    """A host's one spelling, and its address where it is one. Raises InvalidParameter."""
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    # What `connect` takes for an address: 2130706433, 0x7f.1, 0177.0.0.1. Only one spelling is taken here.
    if ":" in name or _NUMBER.fullmatch(labels[-1]) is not None:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            address = None
        if address is None or "%" in name:
            raise InvalidParameter(f"Webhook URL host {host[:100]!r} is not a canonical IP address literal.")
        return str(address), address
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidParameter(f"Webhook URL host {host[:100]!r} is not a host name.")
    return name, None


class AllowedTargets:
    """The targets that need not be public, since an operator named them: host and port, exactly."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._allowed = frozenset(_entry(text) for text in entries)

    def __contains__(self, target: Target) -> bool:
        return (target.host, target.port) in self._allowed


def check_port(target: Target) -> None:
    """Raises InvalidParameter for a port that is not for webhooks."""
    if target.port != HTTPS_PORT and target.port < FIRST_FREE_PORT:
        raise InvalidParameter(
            f"Webhook URL port {target.port} is refused: take 443, or one from {FIRST_FREE_PORT} on."
        )


def _entry(text: str) -> tuple[str, int]:
    """NAME[:PORT] as an operator writes it. Raises StartRefused."""
    try:
        target = target_of(f"https://{text.strip()}")
    except InvalidParameter as error:
        raise StartRefused(f"--webhook-allowed-hosts {text}: {error}") from error
    if target.path != "/" or text.strip().endswith("/"):
        raise StartRefused(f"--webhook-allowed-hosts {text}: give NAME or NAME:PORT, without a path")
    return target.host, target.port


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whose certificates are believed: those that the system trusts, and those in `ca_file`.

    Raises StartRefused.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise StartRefused(
                f"Cannot read certificates from --webhook-ca-file {ca_file}: {error}"
            ) from error
    return context
