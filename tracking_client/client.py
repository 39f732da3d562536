"""`TrackingClient`: tracking and model registry in one, with MLflow's names and meaning, sent at once."""

from __future__ import annotations

import os
from pathlib import Path

from tracking_client import local_server, offline
from tracking_client.context import STORE_URI, TOKEN, RunContext
from tracking_client.errors import TrackingError
from tracking_client.experiments import ExperimentCalls
from tracking_client.logged_model_artifacts import LoggedModelArtifactCalls
from tracking_client.model_versions import ModelVersionCalls
from tracking_client.run_figures import FigureCalls
from tracking_client.run_tables import TableCalls
from tracking_client.tracking_uri import LocalStore, RemoteServer, get_tracking_uri, normal
from tracking_client.transport import Transport, transport_for
from tracking_client.wire import notebook
from tracking_client.wire.entities import Run


class TrackingClient(FigureCalls, TableCalls, ExperimentCalls, LoggedModelArtifactCalls, ModelVersionCalls):
    """The calls of one tracking server or local store, by default of the tracking URI in force.

    Cheap to make: clients of one URI share their connections. Safe in threads and across fork.
    Raises InvalidArgument for a URI that names nothing to track to.
    """

    def __init__(self, tracking_uri: str | None = None, *, transport: Transport | None = None) -> None:
        super().__init__()
        uri = get_tracking_uri() if tracking_uri is None else normal(tracking_uri)
        self.tracking_uri = uri
        self.transport = transport_for(uri) if transport is None else transport

    @property
    def local_database(self) -> Path | None:
        """The database file of a local store; None where the client talks to a server somewhere."""
        target = self.transport.target
        return target.database if isinstance(target, LocalStore) else None

    @property
    def web_address(self) -> str | None:
        """Where the server's pages are, without credentials; None for a local store that has no server now.

        Starts nothing and asks nobody.
        """
        target = self.transport.target
        if isinstance(target, RemoteServer):
            return target.url
        running = local_server.discovered(target)
        return None if running is None else running.url

    @property
    def _store_uri(self) -> str | None:
        """The local store whose server this talks to, as whoever launched this process said."""
        return os.environ.get(STORE_URI) if offline.is_of_local_store(self.tracking_uri) else None

    def apart(self, deadline_s: float, *, max_retries: int | None = None) -> TrackingClient:
        """A client of the same server that shares no lock and no connection with any other."""
        apart = self.transport.apart(deadline_s, max_retries=max_retries)
        return TrackingClient(self.tracking_uri, transport=apart)

    def run_context(self, run: Run) -> RunContext:
        """What a program started as `run` needs in its environment to log to it.

        The address is one that MLflow's own client understands; for a local store it is its server's.
        """
        connection = self.transport.connection
        local = self.transport.local_server
        return RunContext(
            tracking_uri=self.tracking_uri if local is None else connection.url,
            run_id=run.info.run_id,
            experiment_id=run.info.experiment_id,
            token=local.token if local is not None else os.environ.get(TOKEN) or None,
            launched_run_id=run.info.run_id,
            store_uri=self._store_uri if local is None else self.tracking_uri,
        )


def _web_address_in_force() -> str | None:
    try:
        return TrackingClient().web_address
    except (TrackingError, OSError):
        return None  # a value is shown without a link where the tracking URI names nothing


notebook.use_address(_web_address_in_force)

__all__ = ["TrackingClient"]
