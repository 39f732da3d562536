"""Runs become rows: begun, filled with points, and ended.

Until its RunEnd comes, a new run is SCHEDULED, so that half a run is never taken for a whole one. A run that
is unfinished here follows the source. One that is over here, or deleted, is the store's own: it gets what it
does not have yet, and only a later end takes the place of its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.engine import Row

from tracking_client.wire import names
from tracking_server.artifacts.paths import location_problem
from tracking_server.importing.records import Problem, RunBegin, RunEnd, RunPoints, RunsHere
from tracking_server.importing.taken import Taken, new_tags
from tracking_server.store import inputs, metrics, runs
from tracking_server.store.clock import now_ms
from tracking_server.store.experiments import parse_id
from tracking_server.store.inputs import UsedDataset
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.records import RunInfo, Tag
from tracking_server.store.schema import experiments as experiment_rows
from tracking_server.store.schema import params, run_tags
from tracking_server.store.schema import runs as run_rows

INCOMPLETE = "runner.import.incomplete"
"""The tag of a run some of whose files could not be copied: the next import goes through it again."""

# Made once: there are many runs, and most of a small one's time would go into building these.
_ROW = (
    select(
        run_rows,
        experiment_rows.c.deleted.label("experiment_deleted"),
        experiment_rows.c.artifact_location.label("experiment_location"),
    )
    .join(experiment_rows, experiment_rows.c.id == run_rows.c.experiment_id)
    .where(run_rows.c.uuid == bindparam("run"), run_rows.c.experiment_id == bindparam("experiment"))
)
_PARAMS = select(params.c.key, params.c.value).where(params.c.run_id == bindparam("run"))
_TAGS = select(run_tags.c.key, run_tags.c.value).where(run_tags.c.run_id == bindparam("run"))
_BEGUN = (
    update(run_rows)
    .where(run_rows.c.id == bindparam("row"))
    .values(status="SCHEDULED", name=bindparam("run_name"), end_ms=bindparam("run_end"))
)
_ENDED = (
    update(run_rows)
    .where(run_rows.c.id == bindparam("row"))
    .values(
        status=bindparam("run_status"),
        end_ms=bindparam("run_end"),
        deleted=bindparam("is_deleted"),
        deleted_at_ms=bindparam("at"),
    )
)


def absorb(connection: Connection, record: RunsHere | RunBegin | RunPoints | RunEnd, taken: Taken) -> None:
    """Store a record about runs, or answer it. Raises ServerError."""
    match record:
        case RunsHere():
            _here(connection, record, taken)
        case RunBegin():
            _begin(connection, record, taken)
        case RunPoints():
            _points(connection, record)
        case RunEnd():
            _end(connection, record, taken)


def _row(connection: Connection, experiment_id: str, run_id: str) -> Row[Any] | None:
    return connection.execute(_ROW, {"run": run_id, "experiment": parse_id(experiment_id)}).first()


def _here(connection: Connection, question: RunsHere, taken: Taken) -> None:
    """Which runs are to be passed over, and of which others the files here may be old."""
    wanted = {info.run_id: info for info in question.runs}
    found = (
        select(run_rows, experiment_rows.c.deleted.label("experiment_deleted"))
        .join(experiment_rows, experiment_rows.c.id == run_rows.c.experiment_id)
        .where(run_rows.c.uuid.in_(sorted(wanted)))
        .where(run_rows.c.experiment_id == parse_id(question.experiment_id))
    )
    rows = connection.execute(found).all()
    incomplete = _incomplete(connection, [row.id for row in rows])
    for row in rows:
        info = wanted[row.uuid]
        stays = row.deleted or not (question.again or _goes_on(row, info))
        if stays and row.id not in incomplete:
            taken.runs_here.append(row.uuid)
            _tell_difference(row, info, taken)
        elif not _was_over(row, info):
            taken.followed.append(row.uuid)


def _incomplete(connection: Connection, row_ids: Sequence[int]) -> set[int]:
    marked = select(run_tags.c.run_id).where(run_tags.c.run_id.in_(row_ids), run_tags.c.key == INCOMPLETE)
    return set(connection.execute(marked).scalars())


def _goes_on(row: Row[Any], info: RunInfo) -> bool:
    """Whether a run is unfinished, or was taken up again at the source since it was over here."""
    if row.status not in runs.OVER or info.status not in runs.OVER:
        return True
    return (info.end_time or 0) > (row.end_ms or 0)


def _was_over(row: Row[Any], info: RunInfo) -> bool:
    """Whether the run was over at the source already when its files began to come: they are as they were."""
    if row.status in runs.OVER:
        return bool(row.deleted) or not _goes_on(row, info)
    return info.status in runs.OVER and row.end_ms is not None and row.end_ms == info.end_time


def _tell_difference(row: Row[Any], info: RunInfo, taken: Taken) -> None:
    """Note where a run is in another state here. An experiment that is deleted takes its runs along."""
    why = None
    is_deleted, at_the_source = bool(row.deleted), info.lifecycle_stage == "deleted"
    if is_deleted != at_the_source and not row.experiment_deleted:
        why = (
            "it is deleted here, and stays so"
            if is_deleted
            else "it is deleted at the source, and stays here"
        )
    elif row.status != info.status:
        why = f"it is {info.status} at the source, and stays {row.status} here"
    if why is not None:
        taken.note("run", f"run {row.uuid}", why)


def _begin(connection: Connection, record: RunBegin, taken: Taken) -> None:
    run_id = record.info.run_id
    what = f"run {run_id}"
    row = _row(connection, record.experiment_id, run_id)
    if row is None:
        elsewhere = connection.execute(
            select(run_rows.c.experiment_id).where(run_rows.c.uuid == run_id)
        ).scalar()
        if elsewhere is not None:
            why = f"a run of this id is in experiment {elsewhere} already"
            taken.problems.append(Problem(kind="run", what=what, why=why))
            return
        row = _new_run(connection, record)
    elif row.deleted:  # what is deleted takes nothing
        return
    new_params = _new_params(connection, row, record.params, what, taken)
    if new_params:
        runs.log(connection, run_id, new_params=new_params)
    tags = _new_tags(connection, row, record.tags, what, taken)
    if tags:
        runs.set_tags(connection, row, tags)
    used = [UsedDataset(dataset=use.dataset, tags=use.tags) for use in record.inputs.dataset_inputs]
    inputs.log_datasets(connection, row, used)
    inputs.log_model_inputs(connection, row, [model.model_id for model in record.inputs.model_inputs])
    made = [(model.model_id, model.step) for model in record.outputs.model_outputs]
    inputs.log_model_outputs(connection, row, made)


def _new_run(connection: Connection, record: RunBegin) -> Row[Any]:
    info = record.info
    new = runs.NewRun(
        experiment_id=record.experiment_id,
        user_id=info.user_id[:256],
        name=info.run_name,
        start_ms=info.start_time,
        tags={},
        run_id=info.run_id,
    )
    with _taking_runs(connection, parse_id(record.experiment_id)):
        runs.create(connection, new)
    row = runs.find(connection, info.run_id)
    # An end says that the run was over at the source before any of its files came.
    end_ms = info.end_time if info.status in runs.OVER else None
    connection.execute(_BEGUN, {"row": row.id, "run_name": info.run_name, "run_end": end_ms})
    if record.artifact_uri is not None and location_problem(record.artifact_uri) is None:
        connection.execute(
            update(run_rows).where(run_rows.c.id == row.id).values(artifact_uri=record.artifact_uri)
        )
    if all(tag.key != names.RUN_NAME for tag in record.tags):
        # The tag with the name was made up here; old runs have none.
        connection.execute(
            delete(run_tags).where(run_tags.c.run_id == row.id, run_tags.c.key == names.RUN_NAME)
        )
    return runs.find(connection, info.run_id)


@contextmanager
def _taking_runs(connection: Connection, experiment: int) -> Iterator[None]:
    """Let an experiment that is deleted here take a new run of the source; nobody sees it meanwhile."""
    of_experiment = experiment_rows.c.id == experiment
    deleted = connection.execute(select(experiment_rows.c.deleted).where(of_experiment)).scalar()
    if deleted:
        connection.execute(update(experiment_rows).where(of_experiment).values(deleted=False))
    yield
    if deleted:
        connection.execute(update(experiment_rows).where(of_experiment).values(deleted=True))


def _new_params(
    connection: Connection, row: Row[Any], given: Sequence[Tag], what: str, taken: Taken
) -> dict[str, str]:
    """Those of the parameters that are not there yet; one that has another value here is told."""
    stored: dict[str, str] = {
        param.key: param.value for param in connection.execute(_PARAMS, {"run": row.id})
    }
    for param in given:
        if stored.get(param.key, param.value) != param.value:
            why = f"it has the value '{stored[param.key][:100]}' here; parameters never change"
            taken.problems.append(Problem(kind="parameter", what=f"{what}: '{param.key}'", why=why))
    return {param.key: param.value for param in given if param.key not in stored}


def _new_tags(
    connection: Connection, row: Row[Any], given: Sequence[Tag], what: str, taken: Taken
) -> dict[str, str]:
    """The tags to set: those that are not there yet, and all of a run that follows the source."""
    wanted = [tag for tag in given if tag.key != INCOMPLETE]  # about another store
    if row.status not in runs.OVER:
        return {tag.key: tag.value for tag in wanted}
    stored: dict[str, str] = {tag.key: tag.value for tag in connection.execute(_TAGS, {"run": row.id})}
    return new_tags(stored, wanted, what, taken)


def _points(connection: Connection, record: RunPoints) -> None:
    row = _row(connection, record.experiment_id, record.run_id)
    # One of another experiment was told when it began; what is deleted takes nothing.
    if row is None or row.deleted:
        return
    given = [
        MetricPoint(key=point.key, value=float(point.value), timestamp_ms=point.timestamp, step=point.step)
        for point in record.points
    ]
    metrics.store(connection, row, given)


def _end(connection: Connection, record: RunEnd, taken: Taken) -> None:
    info = record.info
    row = _row(connection, record.experiment_id, info.run_id)
    if row is None:
        return
    _mark(connection, row, incomplete=record.incomplete)
    if record.copied:
        own_place = f"{row.experiment_location.rstrip('/')}/{row.uuid}/artifacts"
        connection.execute(update(run_rows).where(run_rows.c.id == row.id).values(artifact_uri=own_place))
    if row.deleted or not _goes_on(row, info):
        _tell_difference(row, info, taken)
    elif row.status not in runs.OVER:
        deleted = info.lifecycle_stage == "deleted" or bool(row.experiment_deleted)
        _set_state(connection, row, info, (record.deleted_at_ms or now_ms()) if deleted else None)
    else:
        if info.status in runs.OVER:
            _set_state(connection, row, info, None)
        _tell_difference(_row(connection, record.experiment_id, info.run_id) or row, info, taken)


def _set_state(connection: Connection, row: Row[Any], info: RunInfo, deleted_at_ms: int | None) -> None:
    connection.execute(
        _ENDED,
        {
            "row": row.id,
            "run_status": info.status,
            "run_end": info.end_time,
            "is_deleted": deleted_at_ms is not None,
            "at": deleted_at_ms,
        },
    )


def _mark(connection: Connection, row: Row[Any], *, incomplete: bool) -> None:
    if incomplete:
        runs.set_tags(connection, row, {INCOMPLETE: "some files could not be copied; import again"})
    else:
        connection.execute(delete(run_tags).where(run_tags.c.run_id == row.id, run_tags.c.key == INCOMPLETE))
