"""Records become rows. Works inside the caller's transaction and belongs to the writer.

Until its RunEnd comes, a run is SCHEDULED, so that half a run is never taken for a whole one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.engine import Row

from tracking_client.wire import names
from tracking_server.artifacts.paths import location_problem
from tracking_server.importing import absorb_models, absorb_registry
from tracking_server.importing.checks import problem_of
from tracking_server.importing.records import (
    AliasRecord,
    ExperimentBegin,
    ExperimentEnd,
    ModelRecord,
    Place,
    Problem,
    Record,
    RegisteredModelRecord,
    Reply,
    RunBegin,
    RunEnd,
    RunPoints,
    RunsHere,
    VersionRecord,
)
from tracking_server.store import experiments, inputs, metrics, runs
from tracking_server.store.experiments import now_ms, parse_id
from tracking_server.store.inputs import UsedDataset
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.records import Tag
from tracking_server.store.schema import experiment_tags, params, run_tags
from tracking_server.store.schema import experiments as experiment_rows
from tracking_server.store.schema import runs as run_rows
from tracking_server.store.upsert import insert_missing, insert_or_update

LARGEST_KEPT_ID = 2**31 - 1
"""Experiment ids above are not kept: MLflow's file store draws 18 digits, which JavaScript cannot hold."""

# Made once: there are many runs, and most of a small one's time would go into building these.
_ROW = select(run_rows).where(
    run_rows.c.uuid == bindparam("run"), run_rows.c.experiment_id == bindparam("experiment")
)
_PARAMS = select(params.c.key, params.c.value).where(params.c.run_id == bindparam("run"))
_BEGUN = (
    update(run_rows)
    .where(run_rows.c.id == bindparam("row"))
    .values(status="SCHEDULED", name=bindparam("run_name"))
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


@dataclass(slots=True)
class _Taken:
    """What a reply is made from."""

    places: list[Place] = field(default_factory=list)
    runs_here: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def absorb(connection: Connection, records: Sequence[Record], *, artifact_root: str) -> Reply:
    """Store `records` in order. Raises ServerError where nothing of them can be taken."""
    taken = _Taken()
    for record in records:
        problem = problem_of(record)
        if problem is None:
            _store(connection, record, artifact_root, taken)
        else:
            taken.problems.append(problem)
    return Reply(places=tuple(taken.places), runs_here=tuple(taken.runs_here), problems=tuple(taken.problems))


def _store(connection: Connection, record: Record, artifact_root: str, taken: _Taken) -> None:
    match record:
        case ExperimentBegin():
            taken.places.append(_experiment(connection, record, artifact_root, taken))
        case ExperimentEnd():
            _end_experiment(connection, record)
        case RunsHere():
            taken.runs_here.extend(_whole_runs(connection, record))
        case RunBegin():
            _run(connection, record, taken)
        case RunPoints():
            _points(connection, record)
        case RunEnd():
            _end_run(connection, record)
        case ModelRecord():
            taken.problems.extend(absorb_models.model(connection, record))
        case RegisteredModelRecord():
            absorb_registry.model(connection, record)
        case VersionRecord():
            taken.problems.extend(absorb_registry.version(connection, record))
        case AliasRecord():
            taken.problems.extend(absorb_registry.aliases(connection, record))


def _experiment(connection: Connection, record: ExperimentBegin, root: str, taken: _Taken) -> Place:
    row = connection.execute(select(experiment_rows).where(experiment_rows.c.name == record.name)).first()
    if row is None:
        row = _new_experiment(connection, record, root)
        if str(row.id) != record.source_id:
            why = f"it has the id {row.id} here; {record.source_id} is taken, or too long a number"
            what = f"experiment '{record.name}'"
            taken.problems.append(Problem(kind="experiment", what=what, why=why, lost=False))
    else:  # it can only take runs while it is active; its end follows
        created = min(row.created_at_ms, record.creation_time or row.created_at_ms)
        connection.execute(
            update(experiment_rows)
            .where(experiment_rows.c.id == row.id)
            .values(deleted=False, created_at_ms=created)
        )
    insert_or_update(
        connection,
        experiment_tags,
        [{"experiment_id": row.id, "key": tag.key, "value": tag.value} for tag in record.tags],
    )
    return Place(
        source_id=record.source_id,
        experiment_id=str(row.id),
        artifact_location=row.artifact_location.rstrip("/"),
    )


def _new_experiment(connection: Connection, record: ExperimentBegin, root: str) -> Row[Any]:
    is_number = record.source_id.isascii() and record.source_id.isdigit() and len(record.source_id) <= 20
    wanted = int(record.source_id) if is_number else -1
    taken = select(experiment_rows.c.id).where(experiment_rows.c.id == wanted)
    if not 0 <= wanted <= LARGEST_KEPT_ID or connection.execute(taken).first() is not None:
        made = experiments.create(
            connection, record.name, artifact_location=None, artifact_root=root, tags={}
        )
        wanted = int(made)
    else:
        row = {"id": wanted, "name": record.name, "deleted": False}
        row["artifact_location"] = experiments.location_under(root, wanted)
        row["created_at_ms"] = row["updated_at_ms"] = record.creation_time
        insert_missing(connection, experiment_rows, [row])
        _count_on_from(connection, wanted)
    connection.execute(
        update(experiment_rows)
        .where(experiment_rows.c.id == wanted)
        .values(created_at_ms=record.creation_time)
    )
    return connection.execute(select(experiment_rows).where(experiment_rows.c.id == wanted)).one()


def _count_on_from(connection: Connection, row_id: int) -> None:
    """PostgreSQL alone does not notice a row that brings its own number."""
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(experiment_rows.name, "id")
        highest = select(func.max(experiment_rows.c.id)).scalar_subquery()
        connection.execute(select(func.setval(sequence, func.greatest(highest, row_id, 1))))


def _end_experiment(connection: Connection, record: ExperimentEnd) -> None:
    connection.execute(
        update(experiment_rows)
        .where(experiment_rows.c.id == parse_id(record.experiment_id))
        .values(deleted=record.deleted, updated_at_ms=record.last_update_time)
    )


def _whole_runs(connection: Connection, question: RunsHere) -> list[str]:
    wanted = {info.run_id: info for info in question.runs}
    found = connection.execute(select(run_rows).where(run_rows.c.uuid.in_(sorted(wanted))))
    here: list[str] = []
    for row in found:
        info = wanted[row.uuid]
        # A run that was unfinished may have gone on since.
        if row.experiment_id == parse_id(question.experiment_id) and row.status in runs.OVER:
            same = (row.status, row.end_ms, bool(row.deleted))
            if same == (info.status, info.end_time, info.lifecycle_stage == "deleted"):
                here.append(row.uuid)
    return here


def _run(connection: Connection, record: RunBegin, taken: _Taken) -> None:
    info = record.info
    what = f"run {info.run_id}"
    row = _row(connection, record.experiment_id, info.run_id)
    if row is None:
        elsewhere = connection.execute(
            select(run_rows.c.experiment_id).where(run_rows.c.uuid == info.run_id)
        ).scalar()
        if elsewhere is not None:
            why = f"a run of this id is in experiment {elsewhere} already"
            taken.problems.append(Problem(kind="run", what=what, why=why))
            return
        row = _new_run(connection, record)
    elif row.deleted:  # what is deleted takes nothing; its end follows
        connection.execute(
            update(run_rows)
            .where(run_rows.c.id == row.id)
            .values(deleted=False, deleted_at_ms=None, status="SCHEDULED")
        )
    if record.artifact_uri is not None and location_problem(record.artifact_uri) is None:
        connection.execute(
            update(run_rows).where(run_rows.c.id == row.id).values(artifact_uri=record.artifact_uri)
        )
    new_params = _new_params(connection, row, record.params, what, taken)
    tags = {tag.key: tag.value for tag in record.tags}
    runs.log(connection, info.run_id, new_params=new_params, tags=tags)
    used = [UsedDataset(dataset=use.dataset, tags=use.tags) for use in record.inputs.dataset_inputs]
    inputs.log_datasets(connection, row, used)
    inputs.log_model_inputs(connection, row, [model.model_id for model in record.inputs.model_inputs])
    made = [(model.model_id, model.step) for model in record.outputs.model_outputs]
    inputs.log_model_outputs(connection, row, made)


def _row(connection: Connection, experiment_id: str, run_id: str) -> Row[Any] | None:
    return connection.execute(_ROW, {"run": run_id, "experiment": parse_id(experiment_id)}).first()


def _new_run(connection: Connection, record: RunBegin) -> Row[Any]:
    info = record.info
    made = runs.create(
        connection,
        runs.NewRun(
            experiment_id=record.experiment_id,
            user_id=info.user_id[:256],
            name=info.run_name,
            start_ms=info.start_time,
            tags={},
            run_id=info.run_id,
        ),
    )
    row = runs.find(connection, made.info.run_id)
    connection.execute(_BEGUN, {"row": row.id, "run_name": info.run_name})
    if all(tag.key != names.RUN_NAME for tag in record.tags):
        # The tag with the name was made up here; old runs have none.
        connection.execute(
            delete(run_tags).where(run_tags.c.run_id == row.id, run_tags.c.key == names.RUN_NAME)
        )
    return row


def _new_params(
    connection: Connection, row: Row[Any], given: Sequence[Tag], what: str, taken: _Taken
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


def _points(connection: Connection, record: RunPoints) -> None:
    row = _row(connection, record.experiment_id, record.run_id)
    if row is None:  # of another experiment: told when it began
        return
    points = [
        MetricPoint(key=point.key, value=float(point.value), timestamp_ms=point.timestamp, step=point.step)
        for point in record.points
    ]
    metrics.store(connection, row, points)


def _end_run(connection: Connection, record: RunEnd) -> None:
    info = record.info
    row = _row(connection, record.experiment_id, info.run_id)
    if row is None:
        return
    deleted = info.lifecycle_stage == "deleted"
    connection.execute(
        _ENDED,
        {
            "row": row.id,
            "run_status": info.status,
            "run_end": info.end_time,
            "is_deleted": deleted,
            "at": (record.deleted_at_ms or now_ms()) if deleted else None,
        },
    )
