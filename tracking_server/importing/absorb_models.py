"""Logged models become rows, under their own ids."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from tracking_server.artifacts.paths import location_problem
from tracking_server.importing.records import ModelRecord, Problem
from tracking_server.store import experiments, logged_models
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.records import Metric
from tracking_server.store.schema import logged_model_params, logged_model_tags, runs
from tracking_server.store.schema import logged_models as model_rows
from tracking_server.store.upsert import insert_missing, insert_or_update


def model(connection: Connection, record: ModelRecord) -> list[Problem]:
    """Store a logged model with its parameters, tags and metrics; what could not be taken of it.

    Raises ServerError.
    """
    info, data = record.model.info, record.model.data
    experiment = experiments.get(connection, record.experiment_id)
    artifact_uri = f"{experiment.artifact_location.rstrip('/')}/models/{info.model_id}/artifacts"
    if record.artifact_uri is not None and location_problem(record.artifact_uri) is None:
        artifact_uri = record.artifact_uri
    values = {
        "name": info.name,
        "model_type": info.model_type,
        "status": logged_models.STATUSES.index(info.status),
        "status_message": info.status_message,
        "source_run_uuid": info.source_run_id or None,
        "artifact_uri": artifact_uri,
        "created_at_ms": info.creation_timestamp_ms,
        "updated_at_ms": info.last_updated_timestamp_ms,
        "deleted": record.deleted,
    }
    experiment_id = experiments.parse_id(record.experiment_id)
    insert_missing(
        connection, model_rows, [{"uuid": info.model_id, "experiment_id": experiment_id, **values}]
    )
    row = logged_models.find(connection, info.model_id, allow_deleted=True)
    if row.experiment_id != experiment_id:
        why = f"a logged model of this id is in experiment {row.experiment_id} already"
        return [Problem(kind="model", what=f"logged model {info.model_id}", why=why)]
    connection.execute(update(model_rows).where(model_rows.c.id == row.id).values(**values))
    for table, pairs in ((logged_model_params, data.params), (logged_model_tags, info.tags)):
        rows = [{"model_id": row.id, "key": pair.key, "value": pair.value} for pair in pairs]
        insert_or_update(connection, table, rows)
    _metrics(connection, info.model_id, data.metrics)
    return []


def _metrics(connection: Connection, model_id: str, metrics: tuple[Metric, ...]) -> None:
    by_run: dict[str, list[MetricPoint]] = {}
    for metric in metrics:
        if metric.run_id is not None:
            by_run.setdefault(metric.run_id, []).append(
                MetricPoint(
                    key=metric.key,
                    value=float(metric.value),
                    timestamp_ms=metric.timestamp,
                    step=metric.step,
                    model_id=model_id,
                    dataset_name=metric.dataset_name,
                    dataset_digest=metric.dataset_digest,
                )
            )
    for row in connection.execute(select(runs).where(runs.c.uuid.in_(sorted(by_run)))):
        points = sorted(by_run[row.uuid], key=lambda point: (point.step, point.timestamp_ms, point.value))
        # One statement must not name a key twice: the latest of each is what is kept anyway.
        latest = {(point.key, point.dataset_name, point.dataset_digest): point for point in points}
        logged_models.store_metrics(connection, row, list(latest.values()))
