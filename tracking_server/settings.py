"""What a server is started with: one frozen value, made by the command line and by tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tracking_client.wire.names import HEARTBEAT_LOST_S
from tracking_server import store_uri
from tracking_server.store_uri import DatabaseServer, SqliteFile

REAP_EVERY_S = 5.0
"""How often heartbeats are looked at."""

MAX_CONNECTIONS = 1000
"""How many clients may be connected at once; one more waits for an idle one's place or gets a 503."""

PATIENCE_S = 30.0
"""How long a client may take over the head of a request, or send or take next to nothing."""

DRAIN_S = 25.0
"""How long requests that are being answered may take after a SIGTERM; orchestrators kill after 30."""

LOCAL_DRAIN_S = 4.0
"""The same for the server of a local store, which leaves when nobody needs it."""

ARTIFACT_DEADLINE_S = 60.0
"""How long one request to an artifact store elsewhere may take, retries included."""

__all__ = [
    "ARTIFACT_DEADLINE_S",
    "DRAIN_S",
    "HEARTBEAT_LOST_S",
    "LOCAL_DRAIN_S",
    "MAX_CONNECTIONS",
    "PATIENCE_S",
    "REAP_EVERY_S",
    "Settings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server runs. Immutable; safe to share between threads.

    `port` 0 takes a free port. `idle_exit_s` None never leaves. `token` is one that this server admits beside
    those of its store, and `local_token` one that its discovery file tells to whoever may read that. Without
    `token` and tokens in the store, everybody is admitted who passes the host and origin checks, unless
    `demand_token`. `insecure_no_auth` admits them whatever tokens there are. `access_log` is a file, or `-`
    for stderr; None writes none.
    `direct_transfers` lets clients ask for signed URLs of the artifact store. `artifacts_destination` ""
    is the store's default place. Making one raises StartRefused where `backend_store_uri` names no store.
    """

    backend_store_uri: str
    store: SqliteFile | DatabaseServer = field(init=False)
    artifacts_destination: str = ""
    default_artifact_root: str | None = None
    serve_artifacts: bool = True
    direct_transfers: bool = True
    artifact_deadline_s: float = ARTIFACT_DEADLINE_S
    host: str = "127.0.0.1"
    port: int = 0
    idle_exit_s: float | None = None
    discovery_file: Path | None = None
    lock_fd: int | None = None
    token: str | None = None
    local_token: str | None = None
    demand_token: bool = False
    insecure_no_auth: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    access_log: str | None = None
    max_connections: int = MAX_CONNECTIONS
    patience_s: float = PATIENCE_S
    drain_s: float = DRAIN_S
    reap_every_s: float = REAP_EVERY_S
    heartbeat_lost_s: float = HEARTBEAT_LOST_S
    webhook_allowed_hosts: tuple[str, ...] = ()
    webhook_ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Parse what others would have to parse again and again."""
        object.__setattr__(self, "store", store_uri.parse(self.backend_store_uri))
        if not self.artifacts_destination:
            object.__setattr__(self, "artifacts_destination", self.store.default_artifacts)

    @property
    def sqlite_path(self) -> Path | None:
        """The database file of a SQLite store; None for every other database."""
        return self.store.path if isinstance(self.store, SqliteFile) else None

    @property
    def experiment_root(self) -> str:
        """Where new experiments keep their artifacts: a URI to which `/<experiment id>` is appended."""
        if self.default_artifact_root is not None:
            return self.default_artifact_root.rstrip("/")
        if self.serve_artifacts:
            return "mlflow-artifacts:"
        if "://" in self.artifacts_destination:
            return self.artifacts_destination.rstrip("/")
        return str(Path(self.artifacts_destination).absolute())
