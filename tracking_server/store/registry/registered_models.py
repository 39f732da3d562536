"""Registered models: their life, their names and their tags.

Every function works inside the caller's transaction; those that change something belong to the writer. A
change begins with `hold`, so that changes of one model come one after another, whichever server makes them.
Two servers that take one name at once are told apart by the database; the writer lets the loser look again.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update
from sqlalchemy.engine import Row

from tracking_server.errors import AlreadyExists, InvalidParameter, NotFound
from tracking_server.store.clock import now_ms
from tracking_server.store.registry.records import (
    STAGES,
    ModelVersion,
    RegisteredModel,
    latest_versions,
    model_records,
)
from tracking_server.store.registry.schema import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_model_tags,
    registered_models,
)
from tracking_server.store.upsert import insert_or_update

PROMPT_TAG = "mlflow.prompt.is_prompt"
"""MLflow keeps prompts in the registry too; this tag tells them from models. Without it: a model."""

MAX_NAME_LENGTH = 256

_BY_NAME = select(registered_models).where(registered_models.c.name == bindparam("wanted"))
_HELD_BY_NAME = _BY_NAME.with_for_update()
_IS_PROMPT = select(
    exists().where(
        registered_model_tags.c.registered_model_id == bindparam("model"),
        registered_model_tags.c.key == PROMPT_TAG,
        registered_model_tags.c.value.ilike("true"),
    )
)


def name_problem(name: str, field: str = "name") -> str | None:
    """What is wrong with `name` as the name of a registered model, or None."""
    if not name.strip():
        return f"Missing value for required parameter '{field}'."
    if len(name) > MAX_NAME_LENGTH:
        return f"'{field}' exceeds the maximum length of {MAX_NAME_LENGTH} characters"
    if "/" in name or ":" in name:
        return f"Invalid model name '{name}'. Names cannot contain '/' or ':'."
    if name == "." or name.startswith(".."):
        return (
            f"Invalid value {json.dumps(name)} for parameter 'name' supplied: Names may be treated as files "
            "in certain cases, and must not resolve to other names when treated as such. This name would "
            f"resolve to {posixpath.normpath(name)!r}"
        )
    return None


def canonical_stage(stage: str) -> str:
    """MLflow's spelling of a stage. Raises InvalidParameter."""
    for known in STAGES:
        if stage.lower() == known.lower():
            return known
    raise InvalidParameter(
        f"Invalid Model Version stage: {stage[:100]}. Value must be one of {', '.join(STAGES)}."
    )


def says_prompt(tags: Mapping[str, str]) -> bool:
    """Whether these tags make a registered model, or a version, a prompt."""
    return tags.get(PROMPT_TAG, "false").lower() == "true"


def find(connection: Connection, name: str) -> Row[Any]:
    """The row of a registered model. Raises NotFound."""
    return _found(connection.execute(_BY_NAME, {"wanted": name}).first(), name)


def hold(connection: Connection, name: str) -> Row[Any]:
    """`find`, and nobody else changes this model until the transaction ends."""
    return _found(connection.execute(_HELD_BY_NAME, {"wanted": name}).first(), name)


def _found(row: Row[Any] | None, name: str) -> Row[Any]:
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


def is_prompt(connection: Connection, row: Row[Any]) -> bool:
    """Whether a registered model (its row) is a prompt."""
    return bool(connection.execute(_IS_PROMPT, {"model": row.id}).scalar_one())


def get(connection: Connection, name: str) -> RegisteredModel:
    """The whole registered model. Raises NotFound."""
    return model_records(connection, [find(connection, name)])[0]


def create(
    connection: Connection, name: str, *, description: str, tags: Mapping[str, str]
) -> RegisteredModel:
    """Make a registered model without versions. Raises AlreadyExists."""
    existing = connection.execute(_BY_NAME, {"wanted": name}).first()
    if existing is not None:
        raise AlreadyExists(
            _taken(name, was_prompt=is_prompt(connection, existing), is_prompt=says_prompt(tags))
        )
    at_ms = now_ms()
    made = connection.execute(
        insert(registered_models).values(
            name=name, description=description, created_at_ms=at_ms, updated_at_ms=at_ms, last_version=0
        )
    )
    (row_id,) = made.inserted_primary_key or (None,)
    insert_or_update(connection, registered_model_tags, _tag_rows(row_id, tags))
    return get(connection, name)


def _taken(name: str, *, was_prompt: bool, is_prompt: bool) -> str:
    new = "Prompt" if is_prompt else "Registered Model"
    if was_prompt == is_prompt:
        return f"{new} (name={name}) already exists."
    old = "prompt" if was_prompt else "registered model"
    return (
        f"Tried to create a {new.lower()} with name {name!r}, but the name is already taken by a {old}. "
        "MLflow does not allow creating a model and a prompt with the same name."
    )


def _tag_rows(row_id: int | None, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"registered_model_id": row_id, "key": key, "value": value} for key, value in tags.items()]


def describe(connection: Connection, name: str, description: str) -> RegisteredModel:
    """Change the description of a registered model. Raises NotFound."""
    touch(connection, hold(connection, name).id, now_ms(), description=description)
    return get(connection, name)


def rename(connection: Connection, name: str, new_name: str) -> RegisteredModel:
    """Rename a registered model; its versions count as changed too. Raises NotFound, AlreadyExists."""
    row = hold(connection, name)
    at_ms = now_ms()
    other = connection.execute(_BY_NAME, {"wanted": new_name}).first()
    if other is not None and other.id != row.id:
        raise AlreadyExists(f"Registered Model (name={new_name}) already exists.")
    touch(connection, row.id, at_ms, name=new_name)
    connection.execute(
        update(model_versions)
        .where(model_versions.c.registered_model_id == row.id)
        .values(updated_at_ms=at_ms)
    )
    return get(connection, new_name)


def touch(connection: Connection, row_id: int, at_ms: int, **values: object) -> None:
    """Note that a registered model (the id of its row) changed at `at_ms`, and store `values` in its row."""
    connection.execute(
        update(registered_models)
        .where(registered_models.c.id == row_id)
        .values(updated_at_ms=at_ms, **values)
    )


def remove(connection: Connection, name: str) -> None:
    """Delete a registered model with its versions, aliases and tags, for good. Raises NotFound."""
    row = hold(connection, name)
    versions = select(model_versions.c.id).where(model_versions.c.registered_model_id == row.id)
    connection.execute(delete(model_version_tags).where(model_version_tags.c.model_version_id.in_(versions)))
    for table in (registered_model_aliases, model_versions, registered_model_tags):
        connection.execute(delete(table).where(table.c.registered_model_id == row.id))
    connection.execute(delete(registered_models).where(registered_models.c.id == row.id))


def newest_versions(connection: Connection, name: str, stages: Sequence[str]) -> list[ModelVersion]:
    """The newest version in each of `stages`, or of every stage, by number.

    Raises NotFound, InvalidParameter.
    """
    row = find(connection, name)
    wanted = {canonical_stage(stage) for stage in stages or STAGES}
    latest = latest_versions(connection, [row.id], with_aliases=True)[row.id]
    return [version for version in latest if version.current_stage in wanted]


def set_tag(connection: Connection, name: str, key: str, value: str) -> None:
    """Set or overwrite a tag of a registered model. Raises NotFound."""
    insert_or_update(connection, registered_model_tags, _tag_rows(hold(connection, name).id, {key: value}))


def delete_tag(connection: Connection, name: str, key: str) -> None:
    """Remove a tag of a registered model; it need not be there. Raises NotFound."""
    row = hold(connection, name)
    connection.execute(
        delete(registered_model_tags).where(
            registered_model_tags.c.registered_model_id == row.id, registered_model_tags.c.key == key
        )
    )
