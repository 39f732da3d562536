"""Starting, resuming and ending the run at hand: `start_run`, `end_run`, `active_run`.

Where this differs from MLflow, on purpose:

- A worker thread without a run of its own logs to the process's run; MLflow starts a stray one.
- `start_run(nested=True)` in a worker thread, or in a subprocess of a launched run, finds its parent: the
  process's run, else the launched one. It goes to its parent's experiment where nobody chose another.
- `parent_run_id` has precedence over MLFLOW_RUN_ID.
- An experiment that was set does not keep a script from resuming the run that it was launched as.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from tracking_client import active_experiment, active_runs, checks, ending, notice, provenance
from tracking_client.client import TrackingClient
from tracking_client.contact import reachable_client
from tracking_client.context import LAUNCHED_RUN_ID, RUN_ID
from tracking_client.errors import InvalidArgument, TrackingError
from tracking_client.journal import journals
from tracking_client.mlflow_client import MlflowClient
from tracking_client.run import ActiveRun
from tracking_client.watched_machine import WatchedMachine
from tracking_client.wire import names
from tracking_client.wire.entities import LifecycleStage, Run, RunStatus

_lock = threading.RLock()
_launched_as: str | None = None
_last_ended: str | None = None
_attached: dict[tuple[str, str], ActiveRun] = {}


def start_run(
    run_id: str | None = None,
    experiment_id: str | int | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Starts a run, or resumes `run_id`, and makes it the one that the calling thread logs to.

    The first call in a launched process resumes the run that it was launched as (MLFLOW_RUN_ID).
    `nested` starts a child of the run at hand. `log_system_metrics` logs what the machine does meanwhile, by
    default where that is enabled (see `enable_system_metrics_logging`).

    Raises TrackingError where the thread has a run and `nested` is not given, NotFound for unknown ids,
    InvalidArgument for runs in the bin, values against the rules and a machine that cannot be watched.
    """
    innermost = active_runs.own()
    if innermost is not None and not nested:
        outermost = active_runs.own_bottom() or innermost
        raise TrackingError(
            f"Run with UUID {outermost.info.run_id} is already active. To start a new run, first end the "
            "current run with mlflow.end_run(). To start a nested run, call start_run with nested=True",
            error_code="INVALID_STATE",
        )
    watching = WatchedMachine.wanted(log_system_metrics)
    client = reachable_client()
    wanted = _with_description(tags, description)
    existing = run_id or (None if parent_run_id else _launched_run_to_resume(nested=nested))
    if existing is not None:
        run = _resumed(client, existing, run_name, wanted)
    else:
        parent = _parent(client, parent_run_id, innermost, nested=nested)
        run = _created(client, experiment_id, run_name, parent, wanted)
    active = ActiveRun(run, _logging_client(client, run), _leave)
    ending.watch()
    active_runs.push(active)
    if watching is not None:
        watching.until_end_of(active)
    return active


def end_run(status: str = RunStatus.FINISHED) -> None:
    """Ends the calling thread's innermost run; nothing where it has none."""
    run = active_runs.pop()
    if run is not None:
        os.environ.pop(RUN_ID, None)
        _remember(run)
        try:
            run.terminate(status)
        finally:
            ending.rest()


def active_run() -> ActiveRun | None:
    """The run that the calling thread logs to: its own innermost, else the process's, else None."""
    return active_runs.own() or active_runs.of_process()


def last_active_run() -> Run | None:
    """The active run, else the one that ended last, as it is on the server now; None before the first."""
    run = active_run()
    run_id = _last_ended if run is None else run.info.run_id
    return None if run_id is None else MlflowClient().get_run(run_id)


def at_hand() -> ActiveRun:
    """The run to log to, started or attached where the process has none.

    A process launched as part of a run attaches to that one, whose end is not this process's to declare.
    """
    run = active_run()
    if run is not None:
        return run
    with _lock:
        run = active_run()
        if run is not None:
            return run
        launched = _launched_run_id()
        if os.environ.get(RUN_ID) or launched is None:
            return start_run()
        return attached(launched)


def attached(run_id: str) -> ActiveRun:
    """A run to log to by its id, whoever started it; its end stays with them. Raises NotFound."""
    for run in (active_runs.own(), active_runs.of_process()):
        if run is not None and run.info.run_id == run_id:
            return run
    client = TrackingClient()
    place = (client.tracking_uri, run_id)
    with _lock:
        if place not in _attached:
            found = client.get_run(run_id)
            _attached[place] = ActiveRun(found, _logging_client(client, found))
        return _attached[place]


def _logging_client(client: TrackingClient, run: Run) -> MlflowClient:
    """The client of a run that is logged to, which knows where the run's artifacts are."""
    found = MlflowClient(client.tracking_uri, transport=client.transport)
    found.know(run)
    return found


def _launched_run_to_resume(*, nested: bool) -> str | None:
    """The run of MLFLOW_RUN_ID, once per process, as MLflow hands it out."""
    global _launched_as  # noqa: PLW0603  # outlives the variable: later runs are nested in it
    with _lock:
        found = os.environ.get(RUN_ID) or None
        if found is not None:
            _launched_as = _launched_as or found
        if nested and threading.current_thread() is not threading.main_thread():
            return None  # one of many children must not become the run that all of them belong to
        os.environ.pop(RUN_ID, None)
        return found


def is_launched() -> bool:
    """Whether this process was started as a run or as part of one, whose end somebody else declares."""
    return _launched_run_id() is not None


def _launched_run_id() -> str | None:
    return os.environ.get(LAUNCHED_RUN_ID) or _launched_as or os.environ.get(RUN_ID) or None


def _resumed(client: TrackingClient, run_id: str, run_name: str | None, tags: dict[str, Any]) -> Run:
    wanted = checks.tags(tags)
    journals.flush(client.transport)  # it may have been ended here a moment ago
    journals.send_what_the_dead_left(client.transport)  # or by a process that did not live to say so
    run = client.get_run(run_id)
    if run.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InvalidArgument(f"Cannot start run with ID {run_id} because it is in the deleted state.")
    chosen = active_experiment.set_id()
    if chosen is not None and chosen != run.info.experiment_id:
        notice.say(
            f"the run {run_id} is resumed in its experiment {run.info.experiment_id}; "
            f"the experiment {chosen} that was set is for new runs"
        )
    if run.info.status == RunStatus.RUNNING and not run_name and not wanted:
        return run
    client.update_run(run_id, RunStatus.RUNNING, run_name)
    client.log_batch(run_id, tags=wanted)
    return client.get_run(run_id)


def _created(
    client: TrackingClient,
    experiment_id: str | int | None,
    run_name: str | None,
    parent: Run | ActiveRun | None,
    tags: dict[str, Any],
) -> Run:
    chosen = active_experiment.chosen_id(client) if experiment_id is None else str(experiment_id)
    if chosen is None:
        chosen = active_experiment.DEFAULT_EXPERIMENT_ID if parent is None else parent.info.experiment_id
    all_tags: dict[str, Any] = {**provenance.default_tags(), **tags}
    if parent is not None:
        all_tags[names.PARENT_RUN_ID] = parent.info.run_id
    if run_name:
        all_tags[names.RUN_NAME] = run_name
    return client.create_run(chosen, tags=all_tags, run_name=run_name)


def _parent(
    client: TrackingClient, parent_run_id: str | None, innermost: ActiveRun | None, *, nested: bool
) -> Run | ActiveRun | None:
    if parent_run_id is None:
        if not nested:
            return None
        launched = _launched_run_id()
        return (
            innermost or active_runs.of_process() or (None if launched is None else client.get_run(launched))
        )
    if innermost is not None and innermost.info.run_id != parent_run_id:
        raise InvalidArgument(
            f"Current run with UUID {innermost.info.run_id} does not match the specified parent_run_id "
            f"{parent_run_id}. To start a new nested run under the parent run with UUID "
            f"{innermost.info.run_id}, first end the current run with mlflow.end_run()."
        )
    parent = client.get_run(parent_run_id)
    if parent.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InvalidArgument(
            f"Cannot start run under parent run with ID {parent_run_id} because it is in the deleted state."
        )
    return parent


def _with_description(tags: Mapping[str, Any] | None, description: str | None) -> dict[str, Any]:
    result = dict(tags or {})
    if description:
        if names.NOTE in result:
            raise InvalidArgument(
                f"Description is already set via the tag {names.NOTE} in tags. "
                f"Remove the key {names.NOTE} from the tags or omit the description."
            )
        result[names.NOTE] = description
    return result


def _leave(run: ActiveRun, status: str, by_error: bool) -> None:
    """Ends a run whose `with` block was left, and those that were opened inside and left open."""
    failure: Exception | None = None
    try:
        for ended in active_runs.remove(run):
            os.environ.pop(RUN_ID, None)
            _remember(ended)
            if by_error:
                # The user's own exception is on its way up and must not be replaced by ours.
                ending.end_quietly(ended, status)
                continue
            try:
                ended.terminate(status)
            except TrackingError as error:
                failure = failure or error
    finally:
        ending.rest()
    if failure is not None:
        raise failure


def _remember(run: ActiveRun) -> None:
    global _last_ended  # noqa: PLW0603  # what last_active_run() returns
    _last_ended = run.info.run_id


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  # held by a thread that the child does not have
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["active_run", "at_hand", "attached", "end_run", "is_launched", "last_active_run", "start_run"]
