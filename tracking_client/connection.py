"""How a server is talked to: deadlines, credentials, TLS and proxies, read from the environment.

The variables are MLflow's, where MLflow has one; `RUNNER_HTTP_DEADLINE_S` bounds a call with all its retries.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from tracking_client.context import TOKEN
from tracking_client.errors import InvalidArgument
from tracking_client.tracking_uri import RemoteServer

USERNAME = "MLFLOW_TRACKING_USERNAME"
PASSWORD = "MLFLOW_TRACKING_PASSWORD"  # noqa: S105  # the variable's name
INSECURE_TLS = "MLFLOW_TRACKING_INSECURE_TLS"
SERVER_CERT_PATH = "MLFLOW_TRACKING_SERVER_CERT_PATH"
CLIENT_CERT_PATH = "MLFLOW_TRACKING_CLIENT_CERT_PATH"
CA_BUNDLE = "REQUESTS_CA_BUNDLE"
REQUEST_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
MAX_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
BACKOFF_FACTOR = "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"
DEADLINE = "RUNNER_HTTP_DEADLINE_S"

CREDENTIALS = (TOKEN, USERNAME, PASSWORD, CLIENT_CERT_PATH)
"""The variables that say who somebody is."""

VARIABLES = (
    TOKEN,
    USERNAME,
    PASSWORD,
    INSECURE_TLS,
    SERVER_CERT_PATH,
    CLIENT_CERT_PATH,
    CA_BUNDLE,
    REQUEST_TIMEOUT,
    MAX_RETRIES,
    BACKOFF_FACTOR,
    DEADLINE,
)
"""The variables read here, the proxies' apart."""

_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call waits, and how often it tries.

    A call ends within `deadline_s`, retries included; one attempt connects within `connect_s` and answers
    within `read_s`. Pauses double from `first_pause_s` up to `longest_pause_s`, with jitter.
    """

    deadline_s: float = 120.0
    connect_s: float = 5.0
    read_s: float = 120.0
    max_retries: int | None = None
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Patience:
        """What the environment asks for. Raises InvalidArgument where it is no number."""
        retries = _number(environ, MAX_RETRIES)
        return cls(
            deadline_s=_or_default(_number(environ, DEADLINE), 120.0),
            read_s=_or_default(_number(environ, REQUEST_TIMEOUT), 120.0),
            max_retries=None if retries is None else int(retries),
            first_pause_s=_or_default(_number(environ, BACKOFF_FACTOR), 0.1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A server's base URL and how to reach it. Secrets stay out of `repr`.

    `authorization` is the header's value. `ca_certs` is a PEM file; None means the system's. `proxy` is
    the proxy's URL.
    """

    url: str
    authorization: str | None = field(default=None, repr=False)
    verify_tls: bool = True
    ca_certs: str | None = None
    client_cert: str | None = None
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def to_server(cls, server: RemoteServer, environ: Mapping[str, str]) -> Connection:
        """The connection to a configured server: credentials of its URL, else of the environment."""
        return cls(
            url=server.url,
            authorization=_authorization(server, environ),
            verify_tls=environ.get(INSECURE_TLS, "").strip().lower() not in _TRUE,
            ca_certs=environ.get(SERVER_CERT_PATH) or environ.get(CA_BUNDLE) or None,
            client_cert=environ.get(CLIENT_CERT_PATH) or None,
            proxy=None if server.is_loopback else _proxy(server.url, environ),
        )

    @classmethod
    def with_token(cls, url: str, token: str | None) -> Connection:
        """The connection to a local store's server."""
        return cls(url=url, authorization=None if token is None else f"Bearer {token}")


def _authorization(server: RemoteServer, environ: Mapping[str, str]) -> str | None:
    username = server.username or environ.get(USERNAME)
    password = server.password or environ.get(PASSWORD)
    if username and password:
        pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        return f"Basic {pair}"
    token = environ.get(TOKEN)
    return f"Bearer {token}" if token else None


def _proxy(url: str, environ: Mapping[str, str]) -> str | None:
    scheme, _, rest = url.partition("://")
    proxies = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy")}
    proxy = proxies.get(f"{scheme}_proxy") or proxies.get("all_proxy")
    if not proxy:
        return None
    host, _, port = rest.partition("/")[0].partition(":")
    if _is_excluded(host, port, proxies.get("no_proxy", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_excluded(host: str, port: str, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: itself, a domain above it, its network, or everything."""
    for entry in filter(None, (part.strip().lower() for part in no_proxy.split(","))):
        name, _, entry_port = entry.partition(":")
        if entry == "*" or ("/" in entry and _is_in_network(host, entry)):
            return True
        name = name.removeprefix("*").lstrip(".")
        if entry_port in ("", port) and (host.lower() == name or host.lower().endswith(f".{name}")):
            return True
    return False


def _is_in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _number(environ: Mapping[str, str], name: str) -> float | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InvalidArgument(f"{name} is {text!r}: not a number of at least 0")
    return value


def _or_default(value: float | None, default: float) -> float:
    return default if value is None else value


__all__ = ["VARIABLES", "Connection", "Patience"]
