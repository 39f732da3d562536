"""Opens the tracked record of a run. It succeeds, or raises."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from runner.errors import RecordingError, RequestError
from runner.model.run import RunSpec, RunStatus
from runner.recording.close import CLOSE_TIMEOUT_S, client_with_deadline, set_tags
from runner.recording.failure import told_as_recording_error
from runner.recording.heartbeat import Heart
from runner.recording.live_logs import STORE_WITHIN_S, LiveLogs
from runner.recording.logs import logs_folder
from runner.recording.open_run import OpenRun
from runner.recording.record import (
    COMMAND_TAG,
    IDENTITY_TAG,
    LOG_NAME,
    TICKET_TAG,
    identity,
    provenance_tags,
    recordable,
    user_name,
)
from runner.recording.stray_runs import parent_of_handed_over
from runner.recording.ticket import Ticket
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.wire import names
from tracking_client.wire.entities import Param, Run

FIRST_CONTACT_S = 20.0


class Recorder:
    """Writes to one tracking server. Thread-safe."""

    def __init__(self, uri: str, *, state_dir: Path, close_timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        self.client = TrackingClient(uri)
        # Whoever reads a ticket may be in another directory: a relative path would name another store there.
        self.uri = self.client.tracking_uri
        self.state_dir = state_dir
        self.closing_client = client_with_deadline(
            uri, min(close_timeout_s, self.client.transport.patience.deadline_s)
        )
        self.heart = Heart(self.client)
        self.live_logs = LiveLogs(client_with_deadline(uri, STORE_WITHIN_S, max_retries=0))

    @property
    def target_uri(self) -> str:
        """What this writes to, from any directory and without credentials: fit to be printed and stored."""
        return self.client.transport.target_uri

    def address(self) -> str:
        """Where a browser finds the server's pages, with a local server's token; starts that server."""
        with told_as_recording_error(self.uri):
            url = self.client.transport.connection.url
        local = self.client.transport.local_server
        return f"{url}/?token={local.token}" if local and local.token else f"{url}/"

    @property
    def tickets(self) -> Path:
        """The folder of open tickets."""
        return self.state_dir / "open-runs"

    def open(self, spec: RunSpec) -> OpenRun:
        """Creates the run, or takes the one that `spec.run_id` names, with its tags.

        Raises RequestError where the run or the experiment asked for does not exist, else RecordingError; a
        run that the server made all the same is closed by its ticket.
        """
        ticket = self._ticket(spec)
        try:
            with told_as_recording_error(self.uri):
                opened = self._resume(spec, ticket) if spec.run_id else self._create(spec, ticket)
        except RecordingError as error:
            if not isinstance(error.__cause__, (NotFound, InvalidArgument)):
                raise
            ticket.redeem()
            raise RequestError(str(error.__cause__), hint=_other_place(spec)) from error
        self.heart.beat_for(opened.run_id)
        self.live_logs.follow(opened.run_id, opened.log_path)
        return opened

    def _first_contact(self, spec: RunSpec) -> TrackingClient:
        # Somebody at a terminal who mistyped an address is told soon; a trial waits for a server that is
        # being restarted.
        if spec.parent_run_id or self.client.local_database is not None:
            return self.client
        return self.client.apart(min(FIRST_CONTACT_S, self.client.transport.patience.deadline_s))

    def _ticket(self, spec: RunSpec) -> Ticket:
        try:
            return Ticket.write(self.tickets, tracking_uri=self.uri, run_id=spec.run_id)
        except OSError as error:
            raise RecordingError(
                f"the run cannot be noted down in {self.tickets}: {error.strerror}",
                uri=self.uri,
                hint="make space there, or choose another directory with RUNNER_STATE_DIR",
            ) from error

    def _create(self, spec: RunSpec, ticket: Ticket) -> OpenRun:
        tags = {
            **self._tags(spec, ticket),
            **({names.PARENT_RUN_ID: spec.parent_run_id} if spec.parent_run_id else {}),
        }
        client = self._first_contact(spec)
        run = client.create_run(
            _experiment_id(client, spec),
            start_time=_now_ms(),
            tags=tags,
            run_name=spec.run_name,
            params=[Param(key, value) for key, value in spec.params.items()],
        )
        return self._opened(spec, ticket, run, run.info.run_name or "")

    def _resume(self, spec: RunSpec, ticket: Ticket) -> OpenRun:
        assert spec.run_id is not None
        run = self._first_contact(spec).get_run(spec.run_id)
        tags = self._tags(spec, ticket)
        tags.pop(names.USER, None)
        if spec.run_name:
            tags[names.RUN_NAME] = spec.run_name
        parent = parent_of_handed_over(
            self.client, run.data.tags.get(names.PARENT_RUN_ID), spec.parent_run_id
        )
        if parent:
            # MLflow's client opens a trial in a worker thread without its parent.
            tags[names.PARENT_RUN_ID] = parent
            spec = replace(spec, parent_run_id=parent)
        set_tags(self.client, run.info.run_id, tags)
        if RunStatus(run.info.status) is not RunStatus.RUNNING:
            self.client.update_run(run.info.run_id, status=RunStatus.RUNNING.value)
        return self._opened(spec, ticket, run, spec.run_name or run.info.run_name or "")

    def _opened(self, spec: RunSpec, ticket: Ticket, run: Run, run_name: str) -> OpenRun:
        run_id = run.info.run_id
        for client in (self.client, self.closing_client):
            client.know(run)
        log_path = logs_folder(self.state_dir) / run_id / LOG_NAME
        with suppress(OSError):  # a log that cannot be written costs the log, not the run
            log_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return OpenRun(
            uri=self.uri,
            client=self.client,
            closing_client=self.closing_client,
            heart=self.heart,
            live_logs=self.live_logs,
            spec=spec,
            ticket=ticket.with_run(run_id=run_id, experiment_id=run.info.experiment_id, log_path=log_path),
            run=run,
            run_name=run_name,
            log_path=log_path,
        )

    def _tags(self, spec: RunSpec, ticket: Ticket) -> dict[str, str]:
        return {
            names.USER: user_name(),
            names.PROJECT_BACKEND: spec.backend,
            names.PROJECT_ENTRY_POINT: spec.entry_point.name,
            **({} if spec.environment.kind == "local" else {names.PROJECT_ENV: spec.environment.kind}),
            COMMAND_TAG: recordable(spec.command.display[:5000]),
            **provenance_tags(spec.checkout.provenance),
            **({IDENTITY_TAG: known} if (known := identity(spec)) else {}),
            **spec.tags,
            TICKET_TAG: ticket.ticket_id,
            names.HEARTBEAT: str(_now_ms()),
        }


def _experiment_id(client: TrackingClient, spec: RunSpec) -> str:
    if spec.experiment_id:
        return spec.experiment_id
    if not spec.experiment_name:
        return "0"
    return client.ensure_experiment(spec.experiment_name).experiment_id


def _other_place(spec: RunSpec) -> str | None:
    if spec.run_id:
        return "leave --run-id out for a new run, or give the id of one that this server has"
    return "give --experiment-name, which is created when missing" if spec.experiment_id else None


def _now_ms() -> int:
    return int(time.time() * 1000)
