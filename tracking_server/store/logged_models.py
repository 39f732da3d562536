"""Logged models: what `log_model` makes, with parameters, tags and metrics of their own.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update
from sqlalchemy.engine import Row

from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.store import experiments, model_metrics
from tracking_server.store.clock import now_ms
from tracking_server.store.records import LoggedModel, LoggedModelData, LoggedModelInfo, Tag
from tracking_server.store.run_names import random_name
from tracking_server.store.schema import logged_model_params, logged_model_tags, logged_models
from tracking_server.store.upsert import insert_missing, insert_or_update

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


def whole(
    connection: Connection, rows: Iterable[Row[Any]], most_points: int = model_metrics.MOST_IN_REPLY
) -> list[LoggedModel]:
    """Whole logged models for their rows, in the same order. `most_points`: see `model_metrics.of_models`."""
    found = list(rows)
    ids = [row.id for row in found]
    params = _grouped(connection, _PARAMS, ids)
    tags = _grouped(connection, _TAGS, ids)
    metrics = model_metrics.of_models(connection, {row.id: row.uuid for row in found}, most_points)
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
