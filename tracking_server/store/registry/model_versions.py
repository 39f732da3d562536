"""Versions of registered models: their life, their stages and their tags.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.engine import Row

from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.store.clock import now_ms
from tracking_server.store.registry import registered_models as models
from tracking_server.store.registry.records import VERSIONS, ModelVersion, version_records
from tracking_server.store.registry.schema import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
)
from tracking_server.store.schema import logged_models, runs
from tracking_server.store.upsert import insert_or_update

ACTIVE_STAGES = ("Staging", "Production")
"""The stages from which a newcomer can drive the others out."""

_LARGEST_VERSION = 2**31 - 1
_READY = "READY"
_ONE = VERSIONS.where(
    model_versions.c.registered_model_id == bindparam("model"),
    model_versions.c.version == bindparam("wanted"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version to be made. `storage_location` is where the files are, `source` what the client called it."""

    name: str
    source: str
    storage_location: str
    run_id: str = ""
    model_id: str | None = None
    run_link: str = ""
    description: str = ""
    tags: Mapping[str, str]


def parse_version(version: str) -> int:
    """The number of a version. Raises InvalidParameter for anything but a whole number."""
    try:
        return int(version)
    except ValueError:
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{version[:100]}'.") from None


def create(connection: Connection, new: NewVersion) -> ModelVersion:
    """Make the next version of a model: one more than there ever was. Raises NotFound."""
    model = models.hold(connection, new.name)
    at_ms = now_ms()
    version = model.last_version + 1
    models.touch(connection, model.id, at_ms, last_version=version)
    made = connection.execute(
        insert(model_versions).values(
            registered_model_id=model.id,
            version=version,
            created_at_ms=at_ms,
            updated_at_ms=at_ms,
            description=new.description,
            stage="None",
            source=new.source,
            storage_location=new.storage_location,
            run_uuid=new.run_id,
            run_link=new.run_link,
            model_uuid=new.model_id,
            status=_READY,
        )
    )
    (row_id,) = made.inserted_primary_key or (None,)
    insert_or_update(connection, model_version_tags, _tag_rows(row_id, new.tags))
    return get(connection, new.name, str(version))


def _tag_rows(row_id: int | None, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"model_version_id": row_id, "key": key, "value": value} for key, value in tags.items()]


def hold_artifacts(connection: Connection, run_id: str, model_id: str) -> list[str]:
    """The artifact URIs of this run and this logged model, as far as they are there.

    Nobody removes them until the transaction ends. One that is deleted still has them; one that is being
    collected has another id by now.
    """
    return [
        uri
        for table, wanted in ((runs, run_id), (logged_models, model_id))
        for uri in connection.execute(
            select(table.c.artifact_uri).where(table.c.uuid == wanted).with_for_update(read=True)
        ).scalars()
    ]


def find(connection: Connection, name: str, version: str) -> Row[Any]:
    """The row of a version, its model's name with it. Raises NotFound, InvalidParameter."""
    return of_model(connection, models.find(connection, name), version)


def hold(connection: Connection, name: str, version: str) -> Row[Any]:
    """`find`, and nobody else changes this model until the transaction ends."""
    return of_model(connection, models.hold(connection, name), version)


def of_model(connection: Connection, model: Row[Any], version: str) -> Row[Any]:
    """The row of a version of `model` (its row). Raises NotFound, InvalidParameter."""
    number = parse_version(version)
    row = None
    if 0 < number <= _LARGEST_VERSION:
        row = connection.execute(_ONE, {"model": model.id, "wanted": number}).first()
    if row is None:
        raise NotFound(f"Model Version (name={model.name}, version={number}) not found")
    return row


def get(connection: Connection, name: str, version: str) -> ModelVersion:
    """One version with its aliases. Raises NotFound, InvalidParameter."""
    return _record(connection, find(connection, name, version))


def _record(connection: Connection, row: Row[Any]) -> ModelVersion:
    return version_records(connection, [row], with_aliases=True)[0]


def location(row: Row[Any]) -> str:
    """Where the files of a version (its row) are."""
    return str(row.storage_location or row.source)


def describe(connection: Connection, name: str, version: str, description: str | None) -> ModelVersion:
    """Change the description of a version; None takes it away. Raises NotFound, InvalidParameter."""
    row = hold(connection, name, version)
    _change(connection, row.id, now_ms(), description=description)
    return get(connection, name, version)


def _change(connection: Connection, row_id: int, at_ms: int, **values: object) -> None:
    connection.execute(
        update(model_versions).where(model_versions.c.id == row_id).values(updated_at_ms=at_ms, **values)
    )


def move(
    connection: Connection, name: str, version: str, stage: str, *, archive_existing: bool
) -> ModelVersion:
    """Put a version into a stage; `archive_existing` archives the versions that are in it.

    Raises NotFound, InvalidParameter.
    """
    wanted = models.canonical_stage(stage)
    if archive_existing and wanted not in ACTIVE_STAGES:
        raise InvalidParameter(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an "
            f"Active stage. Valid stages are {list(ACTIVE_STAGES)}"
        )
    row = hold(connection, name, version)
    at_ms = now_ms()
    if archive_existing:
        connection.execute(
            update(model_versions)
            .where(
                model_versions.c.registered_model_id == row.registered_model_id,
                model_versions.c.stage == wanted,
                model_versions.c.version != row.version,
            )
            .values(stage="Archived", updated_at_ms=at_ms)
        )
    _change(connection, row.id, at_ms, stage=wanted)
    models.touch(connection, row.registered_model_id, at_ms)
    return get(connection, name, version)


def remove(connection: Connection, name: str, version: str) -> None:
    """Delete a version with its tags and aliases, for good; its number is not given out again.

    Raises NotFound, InvalidParameter.
    """
    row = hold(connection, name, version)
    connection.execute(
        delete(registered_model_aliases).where(
            registered_model_aliases.c.registered_model_id == row.registered_model_id,
            registered_model_aliases.c.version == row.version,
        )
    )
    connection.execute(delete(model_version_tags).where(model_version_tags.c.model_version_id == row.id))
    connection.execute(delete(model_versions).where(model_versions.c.id == row.id))
    models.touch(connection, row.registered_model_id, now_ms())


def set_tag(connection: Connection, name: str, version: str, key: str, value: str) -> None:
    """Set or overwrite a tag of a version. Raises NotFound, InvalidParameter."""
    row = hold(connection, name, version)
    insert_or_update(connection, model_version_tags, _tag_rows(row.id, {key: value}))


def delete_tag(connection: Connection, name: str, version: str, key: str) -> None:
    """Remove a tag of a version; it need not be there. Raises NotFound, InvalidParameter."""
    row = hold(connection, name, version)
    connection.execute(
        delete(model_version_tags).where(
            model_version_tags.c.model_version_id == row.id, model_version_tags.c.key == key
        )
    )
