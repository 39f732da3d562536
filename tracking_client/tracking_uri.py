"""What a tracking URI names, and which one is in force.

`http(s)://…` is a server somewhere. `sqlite:///x.db` and a plain directory are a local store, whose server
starts by itself. With none set, the store is `mlruns.db` in the directory that was current at first use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from tracking_client import offline
from tracking_client.context import TRACKING_URI
from tracking_client.errors import InvalidArgument

DATABASE_NAME = "mlruns.db"
ARTIFACTS_NAME = "mlartifacts"
_OTHER_SERVICES = frozenset({"databricks", "databricks-uc", "uc"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStore:
    """A database file and the directory of its artifacts, both absolute."""

    database: Path
    artifacts: Path

    @classmethod
    def at(cls, path: Path) -> LocalStore:
        """The store of a directory, or of a database file (artifacts in `mlartifacts` beside it)."""
        if path.suffix in (".db", ".sqlite", ".sqlite3") and not path.is_dir():
            return cls.of_database(path)
        return cls.of_database(path / DATABASE_NAME)

    @classmethod
    def of_database(cls, database: Path) -> LocalStore:
        """The store of a database file, whatever its name."""
        database = Path(os.path.abspath(database))
        return cls(database=database, artifacts=database.parent / ARTIFACTS_NAME)

    @property
    def uri(self) -> str:
        """The tracking URI that names this store from any directory."""
        return f"sqlite:///{self.database}"

    def beside(self, suffix: str) -> Path:
        """The store's file with this suffix: `.lock`, `.server`, `.server.log`."""
        return self.database.with_name(self.database.name + suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteServer:
    """A server's base URL without credentials, and those that the URL carried."""

    url: str
    username: str | None = None
    password: str | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine by its name."""
        host = urlsplit(self.url).hostname or ""
        return host in LOOPBACK_NAMES or host.startswith("127.")


def parse(uri: str) -> LocalStore | RemoteServer:
    """What `uri` names. Raises InvalidArgument for a scheme that cannot be tracked to."""
    scheme, separator, _ = uri.partition("://")
    if uri in _OTHER_SERVICES:
        raise InvalidArgument(f"the tracking URI {uri!r} names a service that is not MLflow's open API")
    if not separator and ":" not in uri:
        return LocalStore.at(Path(uri))
    if scheme in ("http", "https"):
        return _remote(uri)
    if uri.startswith("sqlite:///"):
        path = uri.removeprefix("sqlite:///").partition("?")[0]
        if not path or path == ":memory:":
            raise InvalidArgument(f"the tracking URI {uri!r} names no database file")
        return LocalStore.of_database(Path(path))
    raise InvalidArgument(
        f"the tracking URI {_without_credentials(uri)!r} is neither http(s)://host[:port], "
        f"sqlite:///path/to.db nor a directory"
        + (" (a directory is written without file:)" if scheme.startswith("file") else "")
    )


def _remote(uri: str) -> RemoteServer:
    parts = urlsplit(uri)
    try:
        named = parts.hostname and parts.port != 0
    except ValueError:
        named = None
    if not named:
        raise InvalidArgument(
            f"the tracking URI {_without_credentials(uri)!r} names no host, or no valid port"
        )
    host = parts.netloc.rpartition("@")[2]
    return RemoteServer(
        url=urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")),
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def _without_credentials(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


_chosen: str | None = None
_default: str | None = None


def set_tracking_uri(uri: str | Path) -> None:
    """Tracks to `uri` from now on, in this process and in those that it starts.

    An empty string goes back to the environment's, or the current directory's. Raises InvalidArgument.
    """
    global _chosen  # noqa: PLW0603  # one tracking URI a process: MLflow's model, kept in one place
    if not str(uri):
        _chosen = None
        os.environ.pop(TRACKING_URI, None)
        return
    target = parse(str(uri))
    _chosen = target.uri if isinstance(target, LocalStore) else str(uri)
    os.environ[TRACKING_URI] = _chosen


def get_tracking_uri(environ: Mapping[str, str] = os.environ) -> str:
    """The tracking URI in force: the one set, else the environment's, else the current directory's store."""
    global _default  # noqa: PLW0603  # the directory of the first use stays, whatever chdir() follows
    if _chosen is not None:
        return normal(_chosen, environ)
    configured = environ.get(TRACKING_URI)
    if configured:
        return normal(configured, environ)
    if _default is None:
        _default = LocalStore.at(Path.cwd()).uri
    return _default


def normal(uri: str, environ: Mapping[str, str] = os.environ) -> str:
    """`uri` as it is used: a store from any directory; a server's offline store where one is offline.

    Raises InvalidArgument for a scheme that cannot be tracked to, OSError where there can be no such store.
    """
    target = parse(uri)
    if isinstance(target, LocalStore):
        return target.uri
    if offline.is_wanted(environ) and not offline.is_of_local_store(uri, environ):
        return LocalStore.of_database(offline.database_for(target.url, environ)).uri
    return uri.rstrip("/")


def is_tracking_uri_set(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody chose where to track."""
    return _chosen is not None or bool(environ.get(TRACKING_URI))


__all__ = [
    "LocalStore",
    "RemoteServer",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "normal",
    "parse",
    "set_tracking_uri",
]
