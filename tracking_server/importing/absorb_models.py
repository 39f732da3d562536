"""Logged models become rows, under their own ids.

Until a record of it comes that is whole, a new model is PENDING. One that is PENDING here follows the source;
any other is the store's own, and gets what it does not have yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.engine import Row

from tracking_server.artifacts.paths import location_problem
from tracking_server.importing.records import ModelPoints, ModelRecord, ModelsHere, Problem
from tracking_server.importing.taken import Taken, add_tags
from tracking_server.store import experiments, logged_models, model_metrics
from tracking_server.store.metric_points import MetricPoint
from tracking_server.store.records import LoggedModel, Metric, Tag
from tracking_server.store.schema import logged_model_params, logged_model_tags, runs
from tracking_server.store.schema import logged_models as model_rows
from tracking_server.store.upsert import insert_missing, insert_or_update

_PENDING = logged_models.STATUSES.index("LOGGED_MODEL_PENDING")
_POINTS_AT_ONCE = 1000


def absorb(connection: Connection, record: ModelsHere | ModelRecord | ModelPoints, taken: Taken) -> None:
    """Store a record about a logged model, or answer it. Raises ServerError."""
    match record:
        case ModelsHere():
            _here(connection, record, taken)
        case ModelRecord():
            _model(connection, record, taken)
        case ModelPoints():
            _points(connection, record, taken)


def _here(connection: Connection, question: ModelsHere, taken: Taken) -> None:
    """Of which models the files here may be old: of those that were PENDING when they came."""
    wanted = {info.model_id: info for info in question.models}
    found = select(model_rows).where(model_rows.c.uuid.in_(sorted(wanted)), model_rows.c.status == _PENDING)
    for row in connection.execute(found):
        info = wanted[row.uuid]
        # A killed import left it, of a model that was done at the source and has not changed since.
        was_done = row.updated_at_ms == info.last_updated_timestamp_ms and _status(info.status) != _PENDING
        if not was_done:
            taken.followed.append(row.uuid)


def _status(status: str) -> int:
    return logged_models.STATUSES.index(status) if status in logged_models.STATUSES else _PENDING


def _model(connection: Connection, record: ModelRecord, taken: Taken) -> None:
    info = record.model.info
    what = f"logged model {info.model_id}"
    experiment = experiments.get(connection, record.experiment_id)
    home = f"{experiment.artifact_location.rstrip('/')}/models/{info.model_id}/artifacts"
    insert_missing(connection, model_rows, [_new(record, home)])
    row = logged_models.find(connection, info.model_id, allow_deleted=True)
    if row.experiment_id != experiments.parse_id(record.experiment_id):
        why = f"a logged model of this id is in experiment {row.experiment_id} already"
        taken.problems.append(Problem(kind="model", what=what, why=why))
        return
    if record.copied:
        connection.execute(update(model_rows).where(model_rows.c.id == row.id).values(artifact_uri=home))
    if row.deleted or row.status != _PENDING:
        _add(connection, row, record, taken)
    else:
        _follow(connection, row, record)
    if not row.deleted:
        _metrics(connection, info.model_id, record.model.data.metrics, taken)


def _new(record: ModelRecord, home: str) -> dict[str, Any]:
    uri = record.artifact_uri
    return {
        "uuid": record.model.info.model_id,
        "experiment_id": experiments.parse_id(record.experiment_id),
        "artifact_uri": home if uri is None or location_problem(uri) is not None else uri,
        **_state(record.model),
        "status": _PENDING,
        "deleted": False,
    }


def _state(model: LoggedModel) -> dict[str, Any]:
    info = model.info
    return {
        "name": info.name,
        "model_type": info.model_type,
        "status": logged_models.STATUSES.index(info.status),
        "status_message": info.status_message,
        "source_run_uuid": info.source_run_id or None,
        "created_at_ms": info.creation_timestamp_ms,
        "updated_at_ms": info.last_updated_timestamp_ms,
    }


def _follow(connection: Connection, row: Row[Any], record: ModelRecord) -> None:
    for _, table, pairs in _pairs(record.model):
        rows = [{"model_id": row.id, "key": pair.key, "value": pair.value} for pair in pairs]
        insert_or_update(connection, table, rows)
    if record.whole:
        state = {**_state(record.model), "deleted": record.deleted}
        connection.execute(update(model_rows).where(model_rows.c.id == row.id).values(**state))


def _pairs(model: LoggedModel) -> Iterable[tuple[str, Table, Sequence[Tag]]]:
    yield "parameter", logged_model_params, model.data.params
    yield "tag", logged_model_tags, model.info.tags


def _add(connection: Connection, row: Row[Any], record: ModelRecord, taken: Taken) -> None:
    """Give a model that is done here what it does not have yet; what is otherwise here is told."""
    if not record.whole:
        return
    what = f"logged model {row.uuid}"
    status = logged_models.STATUSES[row.status]
    if row.deleted and not record.deleted:
        taken.note("model", what, "it is deleted here, and stays so")
    elif record.deleted and not row.deleted:
        taken.note("model", what, "it is deleted at the source, and stays here")
    elif status != record.model.info.status:
        taken.note("model", what, f"it is {record.model.info.status} at the source, and stays {status} here")
    if not row.deleted:
        for kind, table, pairs in _pairs(record.model):
            add_tags(connection, table, ("model_id", row.id), pairs, what, taken, kind=kind)


def _points(connection: Connection, record: ModelPoints, taken: Taken) -> None:
    # What is deleted takes nothing.
    row = connection.execute(
        select(model_rows.c.deleted).where(
            model_rows.c.uuid == record.model_id,
            model_rows.c.experiment_id == experiments.parse_id(record.experiment_id),
        )
    ).first()
    if row is not None and not row.deleted:
        _metrics(connection, record.model_id, record.points, taken)


def _metrics(connection: Connection, model_id: str, given: Iterable[Metric], taken: Taken) -> None:
    by_run: dict[str, list[MetricPoint]] = {}
    for metric in given:
        by_run.setdefault(metric.run_id or "", []).append(_point(metric, model_id))
    for row in connection.execute(select(runs).where(runs.c.uuid.in_(sorted(by_run)))).all():
        model_metrics.store(connection, row, by_run.pop(row.uuid))
    for run_id, lost in sorted(by_run.items()):
        what = f"{len(lost)} metric points of logged model {model_id}"
        why = f"the run that logged them is not here: '{run_id[:100]}'"
        taken.problems.append(Problem(kind="metric", what=what, why=why))


def _point(metric: Metric, model_id: str) -> MetricPoint:
    return MetricPoint(
        key=metric.key,
        value=float(metric.value),
        timestamp_ms=metric.timestamp,
        step=metric.step,
        model_id=model_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
    )
