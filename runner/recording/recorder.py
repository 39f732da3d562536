"""Opens and closes the tracked record of a run.

Recording is a command: each call succeeds or raises RecordingError. The one that matters most, the end of a
run, is on disk as a ticket before it is told to the server, so that it cannot be lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import RecordingError, RequestError
from runner.model.environment import Environment
from runner.model.run import RunSpec, RunStatus
from runner.recording.heartbeat import Heart
from runner.recording.record import describe, provenance_tags, recordable, user_name
from runner.recording.ticket import Ending, Ticket
from tracking_client.client import TrackingClient
from tracking_client.context import RunContext
from tracking_client.errors import (
    InvalidArgument,
    LocalServerFailed,
    NotFound,
    TrackingError,
    TransportError,
    Unauthorized,
)
from tracking_client.wire import names
from tracking_client.wire.entities import Param, Run, RunTag

if TYPE_CHECKING:
    from collections.abc import Iterator

SourceWriter = Callable[[Path], object]

ARTIFACT_FOLDER = "runner"
LOG_NAME = "output.log"
LOCK_NAME = "environment.lock"
SPEC_NAME = "run.json"
SOURCE_FOLDER = f"{ARTIFACT_FOLDER}/source"
TICKET_TAG = "runner.ticket"
SOURCE_DIGEST_TAG = "runner.source.digest"
SOURCE_ARTIFACTS_TAG = "runner.source.artifacts"
SKIPPED_TAG = "runner.source.skipped"
ENVIRONMENT_TAG = "runner.environment"
COMMAND_TAG = "runner.command"
CLOSE_TIMEOUT_S = 20.0
FIRST_CONTACT_S = 20.0


@contextmanager
def told_as_recording_error(uri: str) -> Iterator[None]:
    """Turns the client's errors into ours, naming the server."""
    try:
        yield
    except TrackingError as error:
        raise RecordingError(f"not recorded: {error}", uri=uri, hint=_next_step(error)) from error


def _next_step(error: TrackingError) -> str | None:
    if isinstance(error, LocalServerFailed):
        return f"its log is {error.log_path}"
    if isinstance(error, TransportError):
        return "start that server, or set MLFLOW_TRACKING_URI to one that answers"
    if isinstance(error, (Unauthorized, NotFound, InvalidArgument)):
        return None  # the server's message says what to do
    return "look at the server's log"


@dataclass(slots=True)
class OpenRun:
    """The record of a run that is under way. Used by one thread."""

    recorder: Recorder
    spec: RunSpec
    ticket: Ticket
    run: Run
    run_name: str
    log_path: Path

    @property
    def run_id(self) -> str:
        """The tracked run's id."""
        return self.run.info.run_id

    @property
    def experiment_id(self) -> str:
        """The experiment that the run is in."""
        return self.run.info.experiment_id

    def context(self) -> RunContext:
        """What the program must know to log to this run."""
        with told_as_recording_error(self.recorder.uri):
            return self.recorder.client.run_context(self.run)

    def record_order(self, *, write_sources: SourceWriter) -> None:
        """Stores params, the whole order and, of a dirty working tree, what distinguishes it from its commit.

        `write_sources(folder)` is called where files are to be stored. Raises RecordingError.
        """
        with told_as_recording_error(self.recorder.uri):
            self.recorder.record_order(self, write_sources)

    def fetch_artifact(self, uri: str, into: Path) -> Path:
        """Downloads `runs:/RUN_ID/path` to the folder `into`. Raises RequestError for another scheme."""
        scheme, _, rest = uri.partition(":/")
        run_id, _, path = rest.strip("/").partition("/")
        if scheme != "runs" or not run_id:
            raise RequestError(
                f"a path parameter cannot be fetched from {uri!r}",
                hint="give a local path, an http(s) URL or runs:/RUN_ID/path",
            )
        with told_as_recording_error(self.recorder.uri):
            return Path(self.recorder.client.download_artifacts(run_id, path, into))

    def record_environment(self, environment: Environment) -> None:
        """Stores the lock and identity of the environment that the program runs in."""
        client, uri = self.recorder.client, self.recorder.uri
        with told_as_recording_error(uri):
            client.set_tag(self.run_id, ENVIRONMENT_TAG, environment.fingerprint)
            if environment.lock:
                client.log_text(self.run_id, environment.lock, f"{ARTIFACT_FOLDER}/{LOCK_NAME}")

    def close(self, ending: Ending) -> None:
        """Stores the log and the end. Raises RecordingError, which says who will do it; the ticket stays."""
        self.recorder.heart.forget(self.run_id)
        promise = self._promise(ending)
        try:
            with told_as_recording_error(self.recorder.uri):
                close_run(
                    self.recorder.closing_client, self.run_id, self.experiment_id, self.log_path, ending
                )
        except RecordingError as error:
            raise RecordingError(f"{error}; {promise}", uri=self.recorder.uri, hint=error.hint) from error
        self.ticket.redeem()

    def _promise(self, ending: Ending) -> str:
        """What becomes of the end if the server does not take it now."""
        end = f"the run's end ({ending.status.value})"
        try:
            self.ticket = self.ticket.with_ending(ending)
        except OSError as error:
            # The disk is full. The server, on another one perhaps, is told all the same.
            return f"{end} cannot be kept in {self.ticket.path} either ({error.strerror}) and is lost"
        return f"{end} is kept in {self.ticket.path} and will be recorded by the next runner command"


class Recorder:
    """Writes to one tracking server. Thread-safe."""

    def __init__(self, uri: str, *, state_dir: Path, close_timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        self.client = TrackingClient(uri)
        # Whoever reads a ticket may be in another directory: a relative path would name another store there.
        self.uri = self.client.tracking_uri
        self.state_dir = state_dir
        self.closing_client = client_with_deadline(uri, close_timeout_s)
        self.heart = Heart(self.client)

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
            _experiment_id(client, spec), start_time=_now_ms(), tags=tags, run_name=spec.run_name
        )
        return self._opened(spec, ticket, run, run.info.run_name or "")

    def _resume(self, spec: RunSpec, ticket: Ticket) -> OpenRun:
        assert spec.run_id is not None
        run = self._first_contact(spec).get_run(spec.run_id)
        tags = self._tags(spec, ticket)
        tags.pop(names.USER, None)
        if spec.run_name:
            tags[names.RUN_NAME] = spec.run_name
        parent = run.data.tags.get(names.PARENT_RUN_ID) or spec.parent_run_id
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
        log_path = self.state_dir / "logs" / run_id / LOG_NAME
        with suppress(OSError):  # a log that cannot be written costs the log, not the run
            log_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return OpenRun(
            recorder=self,
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
            **spec.tags,
            TICKET_TAG: ticket.ticket_id,
            names.HEARTBEAT: str(_now_ms()),
        }

    def record_order(self, opened: OpenRun, write_sources: SourceWriter) -> None:
        """See `OpenRun.record_order`."""
        spec = opened.spec
        if spec.params:
            self.client.log_batch(
                opened.run_id, params=[Param(key=key, value=value) for key, value in spec.params.items()]
            )
        self.client.log_text(
            opened.run_id,
            recordable(json.dumps(describe(spec), indent=2, ensure_ascii=False)) + "\n",
            f"{ARTIFACT_FOLDER}/{SPEC_NAME}",
        )
        if spec.checkout.provenance.dirty is not None:
            self._record_dirty(opened, write_sources)

    def _record_dirty(self, opened: OpenRun, write_sources: SourceWriter) -> None:
        dirty = opened.spec.checkout.provenance.dirty
        assert dirty is not None
        tags = {SOURCE_DIGEST_TAG: dirty.digest}
        if dirty.skipped:
            tags[SKIPPED_TAG] = ", ".join(f"{file.path} ({file.reason})" for file in dirty.skipped)[:5000]
        holder = self._parent_with(dirty.digest, opened.spec.parent_run_id)
        tags[SOURCE_ARTIFACTS_TAG] = holder or f"runs:/{opened.run_id}/{SOURCE_FOLDER}"
        set_tags(self.client, opened.run_id, tags)
        if holder is None:
            self._upload_sources(opened, write_sources)

    def _parent_with(self, digest: str, parent_run_id: str | None) -> str | None:
        # The trials of a sweep share one working tree: it is stored once, with their parent.
        if parent_run_id is None:
            return None
        try:
            tags: Mapping[str, str] = self.client.get_run(parent_run_id).data.tags
        except NotFound:
            return None  # it is on another server
        return tags.get(SOURCE_ARTIFACTS_TAG) if tags.get(SOURCE_DIGEST_TAG) == digest else None

    def _upload_sources(self, opened: OpenRun, write_sources: SourceWriter) -> None:
        import tempfile

        with tempfile.TemporaryDirectory(prefix="runner-source-") as folder:
            write_sources(Path(folder))
            self.client.log_artifacts(opened.run_id, folder, SOURCE_FOLDER)


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


def client_with_deadline(uri: str, deadline_s: float, *, max_retries: int | None = None) -> TrackingClient:
    """A client of `uri` whose every call ends within `deadline_s`, retries (at most so many) included."""
    return TrackingClient(uri).apart(deadline_s, max_retries=max_retries)


def set_tags(client: TrackingClient, run_id: str, tags: Mapping[str, str]) -> None:
    """Sets several tags in one request."""
    client.log_batch(run_id, tags=[RunTag(key=key, value=value) for key, value in tags.items()])


def close_run(
    client: TrackingClient, run_id: str, experiment_id: str | None, log_path: Path | None, ending: Ending
) -> None:
    """Tells the server of a run's end: its log, exit code, reason and status; then its abandoned children's.

    Doing it twice does no harm. Raises TrackingError.
    """
    if log_path is not None and log_path.exists():
        client.log_artifact(run_id, log_path, ARTIFACT_FOLDER)
    # Set in any case: a server that took us for dead meanwhile wrote a reason of its own.
    tags = {names.END_REASON: ending.reason[:5000] or "the program ended well"}
    if ending.exit_code is not None:
        tags[names.EXIT_CODE] = str(ending.exit_code)
    set_tags(client, run_id, tags)
    client.set_terminated(run_id, ending.status.value, ending.ended_at_ms)
    if ending.status is not RunStatus.FINISHED and experiment_id is not None:
        _close_children(client, run_id, experiment_id, ending)


def _close_children(client: TrackingClient, run_id: str, experiment_id: str, ending: Ending) -> None:
    # Runs that the program opened inside this one and that nobody else looks after died with it.
    children = client.find_runs(
        [experiment_id], f"tags.{names.PARENT_RUN_ID} = '{run_id}' and attributes.status = 'RUNNING'"
    )
    for child in list(children):
        if names.HEARTBEAT in child.data.tags:
            continue
        set_tags(client, child.info.run_id, {names.END_REASON: f"its parent run ended: {ending.reason}"})
        client.set_terminated(child.info.run_id, RunStatus.KILLED.value, ending.ended_at_ms)
        _close_children(client, child.info.run_id, experiment_id, ending)


def _now_ms() -> int:
    return int(time.time() * 1000)
