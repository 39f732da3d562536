"""What a server is started with: one frozen value, made by the command line and by tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracking_client.wire.names import HEARTBEAT_LOST_S
from tracking_server.errors import StartRefused

REAP_EVERY_S = 5.0
"""How often heartbeats are looked at."""

__all__ = ["HEARTBEAT_LOST_S", "REAP_EVERY_S", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server runs. Immutable; safe to share between threads.

    `port` 0 takes a free port. `idle_exit_s` None never leaves. `token` None admits everybody who passes
    the host and origin checks; a server with `lock_fd` makes its own token.
    """

    backend_store_uri: str
    artifacts_destination: str
    default_artifact_root: str | None = None
    serve_artifacts: bool = True
    host: str = "127.0.0.1"
    port: int = 0
    idle_exit_s: float | None = None
    discovery_file: Path | None = None
    lock_fd: int | None = None
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    reap_every_s: float = REAP_EVERY_S
    heartbeat_lost_s: float = HEARTBEAT_LOST_S

    @property
    def sqlite_path(self) -> Path | None:
        """The database file of a SQLite store; None for every other database."""
        scheme, separator, rest = self.backend_store_uri.partition("://")
        if not separator or scheme.split("+")[0] != "sqlite":
            return None
        path = rest.partition("?")[0]
        if path in ("", "/", "/:memory:"):
            raise StartRefused(
                f"{self.backend_store_uri} names no file: give a path, such as sqlite:////data/mlruns.db"
            )
        # sqlite:///relative.db and sqlite:////absolute.db, as SQLAlchemy reads them.
        return Path(path[1:]).absolute() if path.startswith("/") else Path(path).absolute()

    @property
    def experiment_root(self) -> str:
        """Where new experiments keep their artifacts: a URI to which `/<experiment id>` is appended."""
        if self.default_artifact_root is not None:
            return self.default_artifact_root.rstrip("/")
        if self.serve_artifacts:
            return "mlflow-artifacts:"
        return str(Path(self.artifacts_destination).absolute())
