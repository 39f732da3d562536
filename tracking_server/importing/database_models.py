"""Logged models and the model registry in a database of MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from tracking_server.importing.database_pages import Reader
from tracking_server.importing.protocols import SourceModel, SourceRegistered, SourceVersion
from tracking_server.store.logged_models import STATUSES
from tracking_server.store.records import (
    LoggedModel,
    LoggedModelData,
    LoggedModelInfo,
    Metric,
    Tag,
    stored_float,
    wire_float,
)
from tracking_server.store.registry.records import Alias, ModelVersion, RegisteredModel

PER_PAGE = 100


def logged_models(reader: Reader, experiment_id: int) -> Iterator[SourceModel]:
    """The logged models of an experiment; none where the database is older than they are."""
    if not reader.has("logged_models"):
        return
    table = reader.table("logged_models")
    of_experiment = select(table).where(table.c.experiment_id == experiment_id)
    for page in reader.pages(of_experiment, table.c.model_id, PER_PAGE):
        ids = [row.model_id for row in page]
        params = reader.tags("logged_model_params", "model_id", ids, key="param_key", value="param_value")
        tags = reader.tags("logged_model_tags", "model_id", ids, key="tag_key", value="tag_value")
        for row in page:
            data = LoggedModelData(params=params.get(row.model_id, ()))
            model = LoggedModel(info=_info(row, tags.get(row.model_id, ())), data=data)
            yield SourceModel(model=model, deleted=row.lifecycle_stage == "deleted")


def _info(row: Any, tags: tuple[Tag, ...]) -> LoggedModelInfo:
    status = STATUSES[row.status] if 0 <= row.status < len(STATUSES) else STATUSES[0]
    return LoggedModelInfo(
        model_id=row.model_id,
        experiment_id=str(row.experiment_id),
        name=row.name,
        creation_timestamp_ms=row.creation_timestamp_ms,
        last_updated_timestamp_ms=row.last_updated_timestamp_ms,
        artifact_uri=row.artifact_location,
        status=status,
        model_type=row.model_type or "",
        source_run_id=row.source_run_id or "",
        status_message=row.status_message,
        tags=tags,
    )


def model_points(reader: Reader, model_id: str) -> Iterator[Metric]:
    """The metric points of a logged model."""
    table = reader.table("logged_model_metrics")
    for row in reader.stream(select(table).where(table.c.model_id == model_id)):
        value = float("nan") if row.metric_value is None else row.metric_value
        yield Metric(
            key=row.metric_name,
            value=wire_float(*stored_float(value)),
            timestamp=row.metric_timestamp_ms,
            step=row.metric_step,
            run_id=row.run_id,
            model_id=row.model_id,
            dataset_name=row.dataset_name,
            dataset_digest=row.dataset_digest,
        )


def registered_models(reader: Reader) -> Iterator[SourceRegistered]:
    """The registered models with their aliases."""
    if not reader.has("registered_models"):
        return
    table = reader.table("registered_models")
    for page in reader.pages(reader.select(table), table.c.name, PER_PAGE):
        names = [row.name for row in page]
        tags = reader.tags("registered_model_tags", "name", names)
        aliases = reader.tags("registered_model_aliases", "name", names, key="alias", value="version")
        for row in page:
            created = row.creation_time or 0
            yield SourceRegistered(
                model=RegisteredModel(
                    name=row.name,
                    creation_timestamp=created,
                    last_updated_timestamp=row.last_updated_time or created,
                    description=row.description or None,
                    tags=tags.get(row.name, ()),
                ),
                aliases=tuple(Alias(alias.key, str(alias.value)) for alias in aliases.get(row.name, ())),
            )


def versions(reader: Reader, name: str) -> Iterator[SourceVersion]:
    """The versions of a registered model, by number; deleted ones, which MLflow only marks, left out."""
    table = reader.table("model_versions")
    of_model = reader.select(table).where(table.c.name == name)
    for page in reader.pages(of_model, table.c.version, PER_PAGE):
        tags = _version_tags(reader, name, [row.version for row in page])
        for row in page:
            if row.current_stage == "Deleted_Internal":
                continue
            yield SourceVersion(
                version=_version(row, tags.get(row.version, ())),
                storage_location=row._mapping.get("storage_location"),
            )


def _version_tags(reader: Reader, name: str, numbers: list[int]) -> dict[int, tuple[Tag, ...]]:
    if not reader.has("model_version_tags"):
        return {}
    table = reader.table("model_version_tags")
    found: dict[int, list[Tag]] = {}
    statement = reader.select(table).where(table.c.name == name, table.c.version.in_(numbers))
    for row in reader.rows(statement.order_by(table.c.key)):
        found.setdefault(row.version, []).append(Tag(row.key, row.value or ""))
    return {number: tuple(tags) for number, tags in found.items()}


def _version(row: Any, tags: tuple[Tag, ...]) -> ModelVersion:
    created = row.creation_time or 0
    return ModelVersion(
        name=row.name,
        version=str(row.version),
        creation_timestamp=created,
        last_updated_timestamp=row.last_updated_time or created,
        user_id=row.user_id,
        current_stage=row.current_stage or "None",
        description=row.description or None,
        source=row.source or "",
        run_id=row.run_id or "",
        run_link=row._mapping.get("run_link") or "",
        status=row.status or "READY",
        status_message=row.status_message,
        tags=tags,
    )
