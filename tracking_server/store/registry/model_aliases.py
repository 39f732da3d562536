"""Aliases: names such as "champion" that point at one version of a registered model.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, bindparam, delete, select

from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.store.registry import model_versions as versions
from tracking_server.store.registry import registered_models as models
from tracking_server.store.registry.records import ModelVersion
from tracking_server.store.registry.schema import registered_model_aliases
from tracking_server.store.upsert import insert_or_update

MAX_LENGTH = 255
LATEST = "latest"
"""Always the highest version of a model; nobody can give it."""

_ALIAS = re.compile(r"[\w\-]*")
_VERSION = re.compile(r"[vV]\d+")
_WHERE = select(registered_model_aliases.c.version).where(
    registered_model_aliases.c.registered_model_id == bindparam("model"),
    registered_model_aliases.c.alias == bindparam("wanted"),
)


def problem(alias: str) -> str | None:
    """What is wrong with `alias` as an alias to be looked up, or None."""
    if not alias:
        return "Registered model alias name cannot be empty."
    if not _ALIAS.fullmatch(alias):
        return (
            f"Invalid alias name: '{alias[:300]}'. Names may only contain alphanumerics, underscores (_), "
            "and dashes (-)."
        )
    if len(alias) > MAX_LENGTH:
        return f"'Registered model alias name' exceeds the maximum length of {MAX_LENGTH} characters"
    return None


def problem_of_new(alias: str) -> str | None:
    """What is wrong with `alias` as an alias to be given, or None."""
    found = problem(alias)
    if found is not None:
        return found
    if alias.lower() == LATEST:
        return "'latest' alias name (case insensitive) is reserved."
    if _VERSION.fullmatch(alias):
        return f"Version alias name '{alias}' is reserved."
    return None


def give(connection: Connection, name: str, alias: str, version: str) -> None:
    """Let an alias point at a version, and at no other. Raises NotFound, InvalidParameter."""
    row = versions.hold(connection, name, version)
    insert_or_update(
        connection,
        registered_model_aliases,
        [{"registered_model_id": row.registered_model_id, "alias": alias, "version": row.version}],
    )


def take(connection: Connection, name: str, alias: str) -> None:
    """Remove an alias; it need not be there. Raises NotFound where there is no such model."""
    model = models.hold(connection, name)
    connection.execute(
        delete(registered_model_aliases).where(
            registered_model_aliases.c.registered_model_id == model.id,
            registered_model_aliases.c.alias == alias,
        )
    )


def resolve(connection: Connection, name: str, alias: str) -> ModelVersion:
    """The version that an alias points at. Raises NotFound, InvalidParameter for an unknown alias."""
    if alias.lower() == LATEST:
        newest = models.newest_versions(connection, name, ())
        if not newest:
            raise NotFound(f"Latest version not found for model {name}.")
        return newest[-1]
    model = models.find(connection, name)
    version = connection.execute(_WHERE, {"model": model.id, "wanted": alias}).scalar()
    if version is None:
        raise InvalidParameter(f"Registered model alias {alias} not found.")
    return versions.get(connection, name, str(version))
