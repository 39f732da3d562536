"""Logged models: what `log_model` makes, with parameters, tags and metrics of their own.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.engine import Row

from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.store import experiments
from tracking_server.store.experiments import now_ms
from tracking_server.store.records import (
    LoggedModel,
    LoggedModelData,
    LoggedModelInfo,
    Metric,
    Tag,
    stored_float,
    wire_float,
)
from tracking_server.store.run_names import random_name
from tracking_server.store.schema import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    runs,
)
from tracking_server.store.upsert import insert_missing, insert_or_update

if TYPE_CHECKING:  # metrics.py writes through this module
    from tracking_server.store.metrics import MetricPoint

STATUSES = (
    "LOGGED_MODEL_STATUS_UNSPECIFIED",
    "LOGGED_MODEL_PENDING",
    "LOGGED_MODEL_READY",
    "LOGGED_MODEL_UPLOAD_FAILED",
)
_PENDING = STATUSES.index("LOGGED_MODEL_PENDING")
_FORBIDDEN_IN_NAMES = ("/", ":", ".", "%", '"', "'")

_MODELS: BindParameter[int] = bindparam("models", expanding=True)
_BY_UUID = select(logged_models).where(logged_models.c.uuid == bindparam("wanted"))
_IDS = select(logged_models.c.uuid, logged_models.c.id).where(
    logged_models.c.uuid.in_(bindparam("uuids", expanding=True))
)
_PARAMS = (
    select(logged_model_params)
    .where(logged_model_params.c.model_id.in_(_MODELS))
    .order_by(*logged_model_params.primary_key)
)
_TAGS = (
    select(logged_model_tags)
    .where(logged_model_tags.c.model_id.in_(_MODELS))
    .order_by(*logged_model_tags.primary_key)
)
_METRICS = (
    select(logged_model_metrics, runs.c.uuid)
    .join(runs, runs.c.id == logged_model_metrics.c.run_id)
    .where(logged_model_metrics.c.model_id.in_(_MODELS))
    .order_by(*logged_model_metrics.primary_key)
)


def name_problem(name: str) -> str | None:
    """What is wrong with the name of a logged model, or None."""
    if not name or any(character in name for character in _FORBIDDEN_IN_NAMES):
        return (
            f"Invalid model name ({name[:300]!r}) provided. Model name must be a non-empty string and cannot "
            f"contain the following characters: {_FORBIDDEN_IN_NAMES}"
        )
    return None


def create(
    connection: Connection,
    experiment_id: str,
    *,
    name: str | None,
    model_type: str | None,
    source_run_id: str | None,
    params: Mapping[str, str],
    tags: Mapping[str, str],
) -> LoggedModel:
    """Make a logged model in state PENDING. Raises NotFound or InvalidParameter for its experiment."""
    experiment = experiments.active_row(connection, experiment_id)
    model_id = f"m-{uuid.uuid4().hex}"
    at_ms = now_ms()
    made = connection.execute(
        insert(logged_models).values(
            uuid=model_id,
            experiment_id=experiment.id,
            name=name or random_name(),
            model_type=model_type or "",
            status=_PENDING,
            source_run_uuid=source_run_id,
            artifact_uri=f"{experiment.artifact_location.rstrip('/')}/models/{model_id}/artifacts",
            created_at_ms=at_ms,
            updated_at_ms=at_ms,
            deleted=False,
        )
    )
    (row_id,) = made.inserted_primary_key or (None,)
    insert_or_update(connection, logged_model_params, _rows(row_id, params))
    insert_or_update(connection, logged_model_tags, _rows(row_id, tags))
    return get(connection, model_id)


def _rows(row_id: int | None, values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"model_id": row_id, "key": key, "value": value} for key, value in values.items()]


def find(connection: Connection, model_id: str, *, allow_deleted: bool = False) -> Row[Any]:
    """The row of a logged model. Raises NotFound."""
    row = connection.execute(_BY_UUID, {"wanted": model_id}).first()
    if row is None or (row.deleted and not allow_deleted):
        raise NotFound(f"Logged model with ID '{model_id}' not found.")
    return row


def get(connection: Connection, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
    """The whole logged model. Raises NotFound."""
    return whole(connection, [find(connection, model_id, allow_deleted=allow_deleted)])[0]


def whole(connection: Connection, rows: Iterable[Row[Any]]) -> list[LoggedModel]:
    """Whole logged models for their rows, in the same order."""
    found = list(rows)
    ids = [row.id for row in found]
    params = _grouped(connection, _PARAMS, ids)
    tags = _grouped(connection, _TAGS, ids)
    uuids = {row.id: row.uuid for row in found}
    metrics: dict[int, list[Metric]] = {model: [] for model in ids}
    for row in connection.execute(_METRICS, {"models": ids}):
        metrics[row.model_id].append(_metric(row, uuids[row.model_id]))
    return [
        LoggedModel(
            info=_info(row, tags[row.id]),
            data=LoggedModelData(params=tuple(params[row.id]), metrics=tuple(metrics[row.id])),
        )
        for row in found
    ]


def _grouped(connection: Connection, statement: Any, ids: Sequence[int]) -> dict[int, list[Tag]]:
    grouped: dict[int, list[Tag]] = {model: [] for model in ids}
    for model, key, value in connection.execute(statement, {"models": ids}):
        grouped[model].append(Tag(key, value))
    return grouped


def _metric(row: Row[Any], model_id: str) -> Metric:
    return Metric(
        key=row.key,
        value=wire_float(row.value, row.is_nan),
        timestamp=row.timestamp_ms,
        step=row.step,
        model_id=model_id,
        dataset_name=row.dataset_name or None,
        dataset_digest=row.dataset_digest or None,
        run_id=row.uuid,
    )


def _info(row: Row[Any], tags: Sequence[Tag]) -> LoggedModelInfo:
    return LoggedModelInfo(
        model_id=row.uuid,
        experiment_id=str(row.experiment_id),
        name=row.name,
        creation_timestamp_ms=row.created_at_ms,
        last_updated_timestamp_ms=row.updated_at_ms,
        artifact_uri=row.artifact_uri,
        status=STATUSES[row.status],
        model_type=row.model_type,
        source_run_id=row.source_run_uuid or "",
        status_message=row.status_message,
        tags=tuple(tags),
    )


def finish(connection: Connection, model_id: str, status: str) -> LoggedModel:
    """Set the state of a logged model. Raises NotFound, InvalidParameter."""
    if status not in STATUSES[1:]:
        raise InvalidParameter(f"Invalid model status: '{status[:100]}'. Known: {', '.join(STATUSES[1:])}")
    _change(connection, find(connection, model_id).id, status=STATUSES.index(status))
    return get(connection, model_id)


def set_deleted(connection: Connection, model_id: str) -> None:
    """Mark a logged model as deleted; doing it twice is harmless. Raises NotFound."""
    _change(connection, find(connection, model_id, allow_deleted=True).id, deleted=True)


def _change(connection: Connection, row_id: int, **values: object) -> None:
    connection.execute(
        update(logged_models).where(logged_models.c.id == row_id).values(updated_at_ms=now_ms(), **values)
    )


def log_params(connection: Connection, model_id: str, params: Mapping[str, str]) -> None:
    """Set parameters of a logged model. Raises NotFound; InvalidParameter where one has another value."""
    row = find(connection, model_id)
    if insert_missing(connection, logged_model_params, _rows(row.id, params)) == len(params):
        return
    stored = {tag.key: tag.value for tag in _grouped(connection, _PARAMS, [row.id])[row.id]}
    for key, value in params.items():
        if stored[key] != value:
            raise InvalidParameter(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value='{stored[key]}' for model ID='{model_id}'. Attempted logging new value '{value}'."
            )


def set_tags(connection: Connection, model_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a logged model. Raises NotFound."""
    row = find(connection, model_id)
    insert_or_update(connection, logged_model_tags, _rows(row.id, tags))


def delete_tag(connection: Connection, model_id: str, key: str) -> None:
    """Remove a tag of a logged model. Raises NotFound also where there is no such tag."""
    row = find(connection, model_id)
    gone = connection.execute(
        delete(logged_model_tags).where(
            logged_model_tags.c.model_id == row.id, logged_model_tags.c.key == key
        )
    ).rowcount
    if gone == 0:
        raise NotFound(f"No tag with key {key!r} found for model with ID {model_id!r}.")


def measured_on(datasets: Sequence[tuple[str, str | None]]) -> ColumnElement[bool]:
    """Whether a logged model has a metric on one of these datasets: name, and digest or None for any."""
    points = logged_model_metrics.c
    return exists().where(
        points.model_id == logged_models.c.id,
        or_(
            *(
                and_(
                    points.dataset_name == name, true() if digest is None else points.dataset_digest == digest
                )
                for name, digest in datasets
            )
        ),
    )


def newer(row: Any) -> ColumnElement[bool]:
    """Whether a new row is a later point than the stored one, by step, timestamp and value."""
    stored = logged_model_metrics.c
    return tuple_(row.step, row.timestamp_ms, row.value) > tuple_(
        stored.step, stored.timestamp_ms, stored.value
    )


def store_metrics(connection: Connection, run: Row[Any], points: Sequence[MetricPoint]) -> None:
    """Keep the latest of those points that name a logged model. Raises NotFound for an unknown one."""
    if not points:
        return
    uuids = sorted({point.model_id for point in points if point.model_id})
    ids: dict[str, int] = {row.uuid: row.id for row in connection.execute(_IDS, {"uuids": uuids})}
    unknown = [model_id for model_id in uuids if model_id not in ids]
    if unknown:
        raise NotFound(f"Logged model with ID '{unknown[0][:300]}' not found.")
    rows = []
    for point in points:
        if not point.model_id:
            continue
        value, is_nan = stored_float(point.value)
        rows.append(
            {
                "model_id": ids[point.model_id],
                "key": point.key,
                "run_id": run.id,
                "dataset_name": point.dataset_name or "",
                "dataset_digest": point.dataset_digest or "",
                "timestamp_ms": point.timestamp_ms,
                "step": point.step,
                "value": value,
                "is_nan": is_nan,
            }
        )
    insert_or_update(connection, logged_model_metrics, rows, where=newer)
