"""Registered models, their versions and aliases become rows, under their own names and numbers."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import Row

from tracking_server.importing.records import AliasRecord, Problem, RegisteredModelRecord, VersionRecord
from tracking_server.store.registry_records import ModelVersion
from tracking_server.store.registry_schema import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_model_tags,
    registered_models,
)
from tracking_server.store.schema import logged_models, runs
from tracking_server.store.upsert import insert_missing, insert_or_update

_MODEL_URI = re.compile(r"models:/(m-[0-9a-zA-Z\-]+)(/.*)?")
_IN_MODEL = re.compile(r".*/models/(m-[0-9a-zA-Z\-]+)/artifacts(/.*)?")
_IN_RUN = re.compile(r".*/([0-9a-f]{32})/artifacts(/.*)?")
_LOCAL = re.compile(r"(?:/|\.|file:|mlflow-artifacts:)")


def model(connection: Connection, record: RegisteredModelRecord) -> None:
    """Store a registered model; one of this name that is there already gets its tags."""
    insert_missing(
        connection,
        registered_models,
        [
            {
                "name": record.name,
                "description": record.description,
                "created_at_ms": record.creation_timestamp,
                "updated_at_ms": record.last_updated_timestamp,
                "last_version": 0,
            }
        ],
    )
    row = _model(connection, record.name)
    assert row is not None
    insert_or_update(
        connection,
        registered_model_tags,
        [{"registered_model_id": row.id, "key": tag.key, "value": tag.value} for tag in record.tags],
    )


def _model(connection: Connection, name: str) -> Row[Any] | None:
    statement = select(registered_models).where(registered_models.c.name == name)
    return connection.execute(statement.with_for_update()).first()


def version(connection: Connection, record: VersionRecord) -> list[Problem]:
    """Store a version under its number; what could not be taken of it."""
    given = record.version
    what = f"version {given.version} of the registered model '{given.name}'"
    row = _model(connection, given.name)
    if row is None:
        return [Problem(kind="model version", what=what, why="the model was not taken")]
    number = int(given.version)
    of_version = (model_versions.c.registered_model_id == row.id, model_versions.c.version == number)
    existing = connection.execute(select(model_versions).where(*of_version)).first()
    if existing is not None and existing.created_at_ms != given.creation_timestamp:
        return [Problem(kind="model version", what=what, why="another version has this number here already")]
    problems, values = _values(connection, record, what)
    if existing is None:
        insert_missing(
            connection,
            model_versions,
            [{"registered_model_id": row.id, "version": number, **values}],
        )
    else:
        connection.execute(update(model_versions).where(*of_version).values(**values))
    connection.execute(
        update(registered_models)
        .where(registered_models.c.id == row.id, registered_models.c.last_version < number)
        .values(last_version=number)
    )
    row_id = connection.execute(select(model_versions.c.id).where(*of_version)).scalar_one()
    insert_or_update(
        connection,
        model_version_tags,
        [{"model_version_id": row_id, "key": tag.key, "value": tag.value} for tag in given.tags],
    )
    return problems


def _values(connection: Connection, record: VersionRecord, what: str) -> tuple[list[Problem], dict[str, Any]]:
    given = record.version
    location = record.storage_location or given.source
    problems: list[Problem] = []
    moved = _moved(connection, location)
    if moved is None and _LOCAL.match(location):
        why = f"its files, at {location[:300]}, belong to no run or logged model that was imported"
        problems.append(Problem(kind="model version", what=what, why=why))
    source = given.source if given.source.startswith(("models:/", "runs:/")) else None
    return problems, {
        "created_at_ms": given.creation_timestamp,
        "updated_at_ms": given.last_updated_timestamp,
        "description": given.description,
        "user_id": given.user_id,
        "stage": given.current_stage,
        "source": source or _moved(connection, given.source) or given.source,
        "storage_location": moved or location,
        "run_uuid": given.run_id,
        "run_link": given.run_link,
        "model_uuid": _model_id(given),
        "status": given.status,
        "status_message": given.status_message,
    }


def _model_id(given: ModelVersion) -> str | None:
    match = _MODEL_URI.fullmatch(given.source) or _IN_MODEL.fullmatch(given.source)
    return match[1] if match else None


def _moved(connection: Connection, location: str) -> str | None:
    """Where `location`, inside the artifacts of a run or logged model, is in this store; None elsewhere."""
    for pattern, table in ((_MODEL_URI, logged_models), (_IN_MODEL, logged_models), (_IN_RUN, runs)):
        match = pattern.fullmatch(location)
        if match is not None:
            root = connection.execute(
                select(table.c.artifact_uri).where(table.c.uuid == match[1])
            ).scalar_one_or_none()
            if root is not None:
                return f"{root}{match[2] or ''}"
    return None


def aliases(connection: Connection, record: AliasRecord) -> list[Problem]:
    """Store the aliases of a model; those that cannot be."""
    problems: list[Problem] = []
    row = _model(connection, record.name)
    for alias in record.aliases:
        is_number = alias.version.isascii() and alias.version.isdigit() and len(alias.version) < 10
        number = int(alias.version) if is_number else -1
        found = None
        if row is not None:
            found = connection.execute(
                select(model_versions.c.id).where(
                    model_versions.c.registered_model_id == row.id, model_versions.c.version == number
                )
            ).first()
        if row is None or found is None:
            what = f"alias '{alias.alias}' of the registered model '{record.name}'"
            why = f"there is no version {alias.version}"
            problems.append(Problem(kind="alias", what=what, why=why))
            continue
        insert_or_update(
            connection,
            registered_model_aliases,
            [{"registered_model_id": row.id, "alias": alias.alias, "version": number}],
        )
    return problems
