"""Registered models, their versions and aliases become rows, under their own names and numbers.

What is here already stays as it is, and gets the tags that it lacks; an alias stays where it points.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import Row

from tracking_server.importing.records import AliasRecord, Problem, RegisteredModelRecord, VersionRecord
from tracking_server.importing.storage import model_id_of, moved
from tracking_server.importing.taken import Taken, add_tags
from tracking_server.store.registry.records import Alias
from tracking_server.store.registry.schema import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_model_tags,
    registered_models,
)
from tracking_server.store.upsert import insert_missing

_OURS = re.compile(r"(?:/|\.|file:|mlflow-artifacts:|runs:)")
_UNFINISHED = "PENDING_REGISTRATION"


def absorb(
    connection: Connection, record: RegisteredModelRecord | VersionRecord | AliasRecord, taken: Taken
) -> None:
    """Store a record about the registry."""
    match record:
        case RegisteredModelRecord():
            _register(connection, record, taken)
        case VersionRecord():
            _take_version(connection, record, taken)
        case AliasRecord():
            _aliases(connection, record, taken)


def _register(connection: Connection, record: RegisteredModelRecord, taken: Taken) -> None:
    what = f"registered model '{record.name}'"
    row = _model(connection, record.name)
    if row is None:
        new = {
            "name": record.name,
            "description": record.description,
            "created_at_ms": record.creation_timestamp,
            "updated_at_ms": record.last_updated_timestamp,
            "last_version": 0,
        }
        insert_missing(connection, registered_models, [new])
        row = _model(connection, record.name)
        assert row is not None
    elif (row.description or "") != (record.description or ""):
        taken.note("registered model", what, "its description stays as it is here")
    add_tags(connection, registered_model_tags, ("registered_model_id", row.id), record.tags, what, taken)


def _model(connection: Connection, name: str) -> Row[Any] | None:
    statement = select(registered_models).where(registered_models.c.name == name)
    return connection.execute(statement.with_for_update()).first()


def _take_version(connection: Connection, record: VersionRecord, taken: Taken) -> None:
    given = record.version
    what = f"version {given.version} of the registered model '{given.name}'"
    row = _model(connection, given.name)
    if row is None:
        why = "the model was not taken"
        taken.problems.append(Problem(kind="model version", what=what, why=why))
        return
    number = int(given.version)
    existing = _version(connection, row.id, number)
    if existing is None and number <= row.last_version:
        taken.note("model version", what, "its number was given out here before: it is deleted, and stays so")
        return
    if existing is not None and existing.created_at_ms != given.creation_timestamp:
        why = "another version has this number here already"
        taken.problems.append(Problem(kind="model version", what=what, why=why))
        return
    if existing is None:
        existing = _new_version(connection, row, record, what, taken)
    else:
        _keep_version(connection, existing, record, what, taken)
    owner = ("model_version_id", existing.id)
    add_tags(connection, model_version_tags, owner, given.tags, what, taken)


def _version(connection: Connection, model_id: int, number: int) -> Row[Any] | None:
    return connection.execute(
        select(model_versions).where(
            model_versions.c.registered_model_id == model_id, model_versions.c.version == number
        )
    ).first()


def _new_version(
    connection: Connection, row: Row[Any], record: VersionRecord, what: str, taken: Taken
) -> Row[Any]:
    number = int(record.version.version)
    new = {"registered_model_id": row.id, "version": number}
    new |= _values(record) | _files(connection, record, what, taken)
    insert_missing(connection, model_versions, [new])
    of_model = registered_models.c.id == row.id
    connection.execute(update(registered_models).where(of_model).values(last_version=number))
    made = _version(connection, row.id, number)
    assert made is not None
    return made


def _keep_version(
    connection: Connection, row: Row[Any], record: VersionRecord, what: str, taken: Taken
) -> None:
    """A version that is here stays as it is, unless it was unfinished, or its files have come only now."""
    given = record.version
    values: dict[str, Any] = {}
    if row.status == _UNFINISHED:
        values = _values(record)
    elif row.stage != given.current_stage:
        why = f"it is in stage {given.current_stage} at the source, and stays in {row.stage} here"
        taken.note("model version", what, why)
    if not values and (row.description or "") != (given.description or ""):
        taken.note("model version", what, "its description stays as it is here")
    if row.storage_location == _location(record) or _has_moved(connection, row.storage_location):
        values |= _files(connection, record, what, taken)
    if values:
        connection.execute(update(model_versions).where(model_versions.c.id == row.id).values(**values))


def _has_moved(connection: Connection, location: str | None) -> bool:
    """Whether files that an earlier import left at the source are here by now."""
    found = moved(connection, location or "")
    return found is not None and found.location != location


def _values(record: VersionRecord) -> dict[str, Any]:
    given = record.version
    return {
        "created_at_ms": given.creation_timestamp,
        "updated_at_ms": given.last_updated_timestamp,
        "description": given.description,
        "user_id": given.user_id,
        "stage": given.current_stage,
        "run_link": given.run_link,
        "status": given.status,
        "status_message": given.status_message,
    }


def _location(record: VersionRecord) -> str:
    return record.storage_location or record.version.source


def _files(connection: Connection, record: VersionRecord, what: str, taken: Taken) -> dict[str, Any]:
    """Where the files of a version are, and from which run or logged model, which must not go without it."""
    source, location = record.version.source, _location(record)
    found = moved(connection, location)
    if found is None and _OURS.match(location):
        why = f"its files, at {location[:300]}, belong to no run or logged model that was imported"
        taken.problems.append(Problem(kind="model version", what=what, why=why))
    named = None if source.startswith(("models:/", "runs:/")) else moved(connection, source)
    return {
        "source": source if named is None else named.location,
        "storage_location": location if found is None else found.location,
        "run_uuid": record.version.run_id or (found.run_id if found else ""),
        "model_uuid": model_id_of(source) or (found.model_id if found else None),
    }


def _aliases(connection: Connection, record: AliasRecord, taken: Taken) -> None:
    row = _model(connection, record.name)
    stored: dict[str, int] = {}
    if row is not None:
        of_model = registered_model_aliases.c.registered_model_id == row.id
        found = connection.execute(select(registered_model_aliases).where(of_model))
        stored = {alias.alias: alias.version for alias in found}
    for alias in record.aliases:
        what = f"alias '{alias.alias}' of the registered model '{record.name}'"
        number = _number(alias)
        if alias.alias in stored:
            if stored[alias.alias] != number:
                taken.note("alias", what, f"it stays at version {stored[alias.alias]}, as it is here")
        elif row is None or _version(connection, row.id, number) is None:
            is_deleted = row is not None and 0 < number <= row.last_version
            why = (
                f"version {alias.version} is deleted here"
                if is_deleted
                else f"there is no version {alias.version}"
            )
            taken.problems.append(Problem(kind="alias", what=what, why=why, lost=not is_deleted))
        else:
            new = {"registered_model_id": row.id, "alias": alias.alias, "version": number}
            insert_missing(connection, registered_model_aliases, [new])


def _number(alias: Alias) -> int:
    """The version that an alias points to; -1 where it is no number."""
    is_number = alias.version.isascii() and alias.version.isdigit() and len(alias.version) < 10
    return int(alias.version) if is_number else -1
