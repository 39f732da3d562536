"""The record of a run that is under way.

The end of a run, which matters most, is on disk as a ticket before it is told to the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RecordingError, RequestError
from runner.model.environment import Environment
from runner.model.run import RunSpec
from runner.recording.close import close_run, set_tags
from runner.recording.failure import told_as_recording_error
from runner.recording.heartbeat import Heart
from runner.recording.left_behind import send_what_was_left_behind
from runner.recording.live_logs import LiveLogs
from runner.recording.record import (
    ARTIFACT_FOLDER,
    ENVIRONMENT_TAG,
    LOCK_NAME,
    LOCK_TAG,
    SKIPPED_TAG,
    SOURCE_ARTIFACTS_TAG,
    SOURCE_DIGEST_TAG,
    SOURCE_FOLDER,
    SPEC_NAME,
    SWEEP_NAME,
    describe,
    recordable,
)
from runner.recording.ticket import Ending, Ticket
from tracking_client.client import TrackingClient
from tracking_client.context import RunContext
from tracking_client.errors import NotFound
from tracking_client.wire.entities import Param, Run

_SHARED_TAGS = (ENVIRONMENT_TAG, LOCK_TAG, SOURCE_DIGEST_TAG, SOURCE_ARTIFACTS_TAG, SKIPPED_TAG)
WrittenSources = Callable[[], AbstractContextManager[Path]]
"""Makes a folder with the files that distinguish a dirty working tree, for as long as they are read."""


@dataclass(frozen=True, slots=True)
class NotedEnd:
    """The end of a run that the server is to be told of. `is_kept`: it is on disk, whatever becomes of us.

    `promise` says what becomes of it where the server does not take it. `is_all_sent`: the server has all
    that the program logged.
    """

    run: OpenRun
    ending: Ending
    is_kept: bool
    promise: str
    is_all_sent: bool

    def tell(self) -> None:
        """Stores the log and the end. Raises RecordingError with the promise. Any thread may call it."""
        run = self.run
        try:
            with told_as_recording_error(run.uri):
                close_run(run.closing_client, run.run_id, run.experiment_id, run.log_path, self.ending)
        except RecordingError as error:
            raise RecordingError(
                f"{error}; {self.promise}", uri=run.uri, hint=error.hint, may_pass=error.may_pass
            ) from error
        run.ticket.redeem()


@dataclass(slots=True)
class OpenRun:
    """The record of a run that is under way. Used by one thread."""

    uri: str
    client: TrackingClient
    closing_client: TrackingClient
    heart: Heart
    live_logs: LiveLogs
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
        with told_as_recording_error(self.uri):
            return self.client.run_context(self.run)

    def record_order(self, written_sources: WrittenSources) -> None:
        """Does both `record_params` and `record_description`."""
        self.record_params(written_sources)
        self.record_description()

    def record_params(self, written_sources: WrittenSources) -> None:
        """Stores params and, of a dirty working tree, what distinguishes it from its commit.

        `written_sources` is called where files are to be stored. Raises RecordingError.
        """
        with told_as_recording_error(self.uri):
            self._record_params(written_sources)

    def record_description(self) -> None:
        """Stores the whole order as JSON. Raises RecordingError. May be called on another thread."""
        text = json.dumps(describe(self.spec), indent=2, ensure_ascii=False)
        with told_as_recording_error(self.uri):
            self.client.log_text(self.run_id, recordable(text) + "\n", f"{ARTIFACT_FOLDER}/{SPEC_NAME}")

    def record_sweep(self, declaration: Mapping[str, object]) -> None:
        """Stores what a sweep's run sweeps. Raises RecordingError."""
        text = json.dumps(declaration, indent=2, ensure_ascii=False)
        with told_as_recording_error(self.uri):
            self.client.log_text(self.run_id, recordable(text) + "\n", f"{ARTIFACT_FOLDER}/{SWEEP_NAME}")

    def fetch_artifact(self, uri: str, into: Path) -> Path:
        """Downloads `runs:/RUN_ID/path` to the folder `into`. Raises RequestError for another scheme."""
        scheme, _, rest = uri.partition(":/")
        run_id, _, path = rest.strip("/").partition("/")
        if scheme != "runs" or not run_id:
            raise RequestError(
                f"a path parameter cannot be fetched from {uri!r}",
                hint="give a local path, an http(s) URL or runs:/RUN_ID/path",
            )
        with told_as_recording_error(self.uri):
            return Path(self.client.download_artifacts(run_id, path, into))

    def record_environment(self, environment: Environment) -> None:
        """Stores the lock and identity of the environment that the program runs in."""
        if self.spec.tags.get(ENVIRONMENT_TAG) == environment.fingerprint:
            return  # it is stored with the parent
        tags = {ENVIRONMENT_TAG: environment.fingerprint}
        if environment.lock:
            tags[LOCK_TAG] = f"runs:/{self.run_id}/{ARTIFACT_FOLDER}/{LOCK_NAME}"
        with told_as_recording_error(self.uri):
            set_tags(self.client, self.run_id, tags)
            if environment.lock:
                self.client.log_text(self.run_id, environment.lock, f"{ARTIFACT_FOLDER}/{LOCK_NAME}")

    def tags_for_children(self) -> dict[str, str]:
        """Tags that say where what this run's children share is stored: with this run. Raises RecordingError.

        Children that are opened with them store neither environment nor sources, where those are the same.
        """
        with told_as_recording_error(self.uri):
            tags: Mapping[str, str] = self.client.get_run(self.run_id).data.tags
        return {name: tags[name] for name in _SHARED_TAGS if name in tags}

    def close(self, ending: Ending) -> None:
        """Stores the log and the end. Raises RecordingError, which says who will do it; the ticket stays."""
        self.note_end(ending).tell()

    def note_end(self, ending: Ending) -> NotedEnd:
        """Puts the end on this machine's disk and sends what the program left. The result is to be told."""
        self.heart.forget(self.run_id)
        self.live_logs.forget(self.run_id)
        end = f"the run's end ({ending.status.value})"
        try:
            self.ticket = self.ticket.with_ending(ending)
        except OSError as error:
            # The disk is full. The server, on another one perhaps, is told all the same.
            is_kept = False
            promise = f"{end} cannot be kept in {self.ticket.path} either ({error.strerror}) and is lost"
        else:
            is_kept = True
            promise = f"{end} is kept in {self.ticket.path} and will be recorded by the next runner command"
        is_all_sent = send_what_was_left_behind(
            self.closing_client, self.closing_client.transport.patience.deadline_s
        )
        return NotedEnd(self, ending, is_kept, promise, is_all_sent)

    def _record_params(self, written_sources: WrittenSources) -> None:
        spec = self.spec
        known = self.run.data.params  # a server of ours has made the run with them
        left = [Param(key, value) for key, value in spec.params.items() if known.get(key) != value]
        if left:
            self.client.log_batch(self.run_id, params=left)
        dirty = spec.checkout.provenance.dirty
        if dirty is not None and spec.tags.get(SOURCE_DIGEST_TAG) != dirty.digest:
            self._record_dirty(written_sources)

    def _record_dirty(self, written_sources: WrittenSources) -> None:
        dirty = self.spec.checkout.provenance.dirty
        assert dirty is not None
        tags = {SOURCE_DIGEST_TAG: dirty.digest}
        if dirty.skipped:
            tags[SKIPPED_TAG] = ", ".join(f"{file.path} ({file.reason})" for file in dirty.skipped)[:5000]
        holder = self._parent_with(dirty.digest, self.spec.parent_run_id)
        tags[SOURCE_ARTIFACTS_TAG] = holder or f"runs:/{self.run_id}/{SOURCE_FOLDER}"
        set_tags(self.client, self.run_id, tags)
        if holder is None:
            with written_sources() as folder:
                self.client.log_artifacts(self.run_id, str(folder), SOURCE_FOLDER)

    def _parent_with(self, digest: str, parent_run_id: str | None) -> str | None:
        # The trials of a sweep share one working tree: it is stored once, with their parent.
        if parent_run_id is None:
            return None
        try:
            tags: Mapping[str, str] = self.client.get_run(parent_run_id).data.tags
        except NotFound:
            return None  # it is on another server
        return tags.get(SOURCE_ARTIFACTS_TAG) if tags.get(SOURCE_DIGEST_TAG) == digest else None
