"""What the registry answers with, and how rows become that. Field names are the wire's.

Times are epoch milliseconds; a version's number is a string on the wire. Records are values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, ScalarSelect, Select, bindparam, select
from sqlalchemy.engine import Row

from tracking_server.store.records import Tag
from tracking_server.store.registry.schema import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_model_tags,
    registered_models,
)

STAGES = ("None", "Staging", "Production", "Archived")
"""Where a version can be on its way; MLflow's names."""

_CHUNK = 500
_IDS: BindParameter[int] = bindparam("ids", expanding=True)

VERSIONS: Select[Any] = select(model_versions, registered_models.c.name).join_from(
    model_versions, registered_models, registered_models.c.id == model_versions.c.registered_model_id
)
"""Rows for `version_records`."""

_VERSIONS_BY_ID = VERSIONS.where(model_versions.c.id.in_(_IDS)).order_by(model_versions.c.version)
_VERSION_TAGS = (
    select(model_version_tags)
    .where(model_version_tags.c.model_version_id.in_(_IDS))
    .order_by(*model_version_tags.primary_key)
)
_MODEL_TAGS = (
    select(registered_model_tags)
    .where(registered_model_tags.c.registered_model_id.in_(_IDS))
    .order_by(*registered_model_tags.primary_key)
)
_ALIASES = (
    select(registered_model_aliases)
    .where(registered_model_aliases.c.registered_model_id.in_(_IDS))
    .order_by(*registered_model_aliases.primary_key)
)


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a registered model. Searches leave the aliases out, as MLflow's do."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str | None = None
    current_stage: str
    description: str | None = None
    source: str
    run_id: str
    status: str
    status_message: str | None = None
    tags: tuple[Tag, ...] = ()
    run_link: str
    aliases: tuple[str, ...] = ()


class Alias(msgspec.Struct, frozen=True):
    """A name that points at a version."""

    alias: str
    version: str


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A registered model with the newest version in each stage."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    latest_versions: tuple[ModelVersion, ...] = ()
    tags: tuple[Tag, ...] = ()
    aliases: tuple[Alias, ...] = ()


def _newest(stage: str) -> ScalarSelect[Any]:
    version = model_versions.alias()
    return (
        select(version.c.id)
        .where(version.c.registered_model_id == registered_models.c.id, version.c.stage == stage)
        .order_by(version.c.version.desc())
        .limit(1)
        .correlate(registered_models)
        .scalar_subquery()
    )


# Four steps of an index for each model, however many versions it has.
_LATEST = select(*(_newest(stage).label(stage.lower()) for stage in STAGES)).where(
    registered_models.c.id.in_(_IDS)
)


def version_records(
    connection: Connection, rows: Iterable[Row[Any]], *, with_aliases: bool = False
) -> list[ModelVersion]:
    """Versions for rows of `VERSIONS`, in the same order."""
    found = list(rows)
    tags = _grouped_tags(connection, _VERSION_TAGS, [row.id for row in found])
    aliases: dict[tuple[int, int], list[str]] = {}
    if with_aliases:
        for row in _in_chunks(connection, _ALIASES, {row.registered_model_id for row in found}):
            aliases.setdefault((row.registered_model_id, row.version), []).append(row.alias)
    return [
        _version(row, tags.get(row.id, ()), aliases.get((row.registered_model_id, row.version), ()))
        for row in found
    ]


def _version(row: Row[Any], tags: Sequence[Tag], aliases: Sequence[str]) -> ModelVersion:
    return ModelVersion(
        name=row.name,
        version=str(row.version),
        creation_timestamp=row.created_at_ms,
        last_updated_timestamp=row.updated_at_ms,
        user_id=row.user_id,
        current_stage=row.stage,
        description=row.description,
        source=row.source,
        run_id=row.run_uuid,
        status=row.status,
        status_message=row.status_message,
        tags=tuple(tags),
        run_link=row.run_link,
        aliases=tuple(aliases),
    )


def latest_versions(
    connection: Connection, model_ids: Sequence[int], *, with_aliases: bool = False
) -> dict[int, list[ModelVersion]]:
    """For each of `model_ids` (rows of `registered_models`) the newest version in each stage, by number."""
    ids = [
        version
        for newest in _in_chunks(connection, _LATEST, model_ids)
        for version in newest
        if version is not None
    ]
    rows = list(_in_chunks(connection, _VERSIONS_BY_ID, ids))
    latest: dict[int, list[ModelVersion]] = {model: [] for model in model_ids}
    records = version_records(connection, rows, with_aliases=with_aliases)
    for row, record in zip(rows, records, strict=True):
        latest[row.registered_model_id].append(record)
    for versions in latest.values():  # chunks are in order each, and not among each other
        versions.sort(key=lambda version: int(version.version))
    return latest


def model_records(connection: Connection, rows: Iterable[Row[Any]]) -> list[RegisteredModel]:
    """Registered models, whole, for their rows, in the same order."""
    found = list(rows)
    ids = [row.id for row in found]
    tags = _grouped_tags(connection, _MODEL_TAGS, ids)
    latest = latest_versions(connection, ids)
    aliases: dict[int, list[Alias]] = {}
    for row in _in_chunks(connection, _ALIASES, ids):
        aliases.setdefault(row.registered_model_id, []).append(Alias(row.alias, str(row.version)))
    return [
        RegisteredModel(
            name=row.name,
            creation_timestamp=row.created_at_ms,
            last_updated_timestamp=row.updated_at_ms,
            description=row.description or None,
            latest_versions=tuple(latest[row.id]),
            tags=tuple(tags.get(row.id, ())),
            aliases=tuple(aliases.get(row.id, ())),
        )
        for row in found
    ]


def _grouped_tags(connection: Connection, statement: Select[Any], ids: Sequence[int]) -> dict[int, list[Tag]]:
    grouped: dict[int, list[Tag]] = {}
    for row in _in_chunks(connection, statement, ids):
        grouped.setdefault(row[0], []).append(Tag(row.key, row.value))
    return grouped


def _in_chunks(connection: Connection, statement: Select[Any], ids: Iterable[int]) -> Iterable[Row[Any]]:
    wanted = list(ids)
    for start in range(0, len(wanted), _CHUNK):
        yield from connection.execute(statement, {"ids": wanted[start : start + _CHUNK]})
