"""What a `--backend-store-uri` names: a SQLite file of this machine, or a database server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tracking_server.errors import StartRefused

ARTIFACTS_NAME = "mlartifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteFile:
    """A database that is a file; `path` is absolute."""

    path: Path

    @property
    def default_artifacts(self) -> str:
        """Where artifacts are kept unless somebody says otherwise: beside the database."""
        return str(self.path.parent / ARTIFACTS_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseServer:
    """A database behind a network; `uri` may hold a password."""

    uri: str = field(repr=False)

    @property
    def default_artifacts(self) -> str:
        """Where artifacts are kept unless somebody says otherwise: in the current directory."""
        return str(Path(ARTIFACTS_NAME).absolute())


def parse(uri: str) -> SqliteFile | DatabaseServer:
    """What `uri` names. Raises StartRefused where it is SQLite's and names no file."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme.split("+")[0] != "sqlite":
        return DatabaseServer(uri=uri)
    path = rest.partition("?")[0]
    if path in ("", "/", "/:memory:"):
        raise StartRefused(f"{uri} names no file: give a path, such as sqlite:////data/mlruns.db")
    # sqlite:///relative.db and sqlite:////absolute.db, as SQLAlchemy reads them.
    return SqliteFile(path=Path(path.removeprefix("/")).absolute())
