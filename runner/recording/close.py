"""Tells the server that a run is over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.model.run import RunStatus
from runner.recording.record import ARTIFACT_FOLDER
from runner.recording.ticket import Ending
from tracking_client.client import TrackingClient
from tracking_client.wire import names
from tracking_client.wire.entities import RunTag

CLOSE_TIMEOUT_S = 20.0


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
    tags = {names.END_REASON: ending.reason[:5000] or "exit code 0"}
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
