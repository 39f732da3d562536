"""Model versions whose files lie among the artifacts of a run or logged model that they do not name.

Such a version knows its files by a location alone, which no index has. All versions are read once, in pages,
and later those that came since. Only what lies in a directory `…/<its id>/artifacts` is ever removed, so that
the id in a location tells whose files they are, however the location is spelt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, Select, select
from sqlalchemy.engine import Row

from tracking_server.store.registry.schema import model_versions, registered_models

PAGE = 1000
LATE = 100
"""So many ids back, a version may have been stored after those that were read."""

_VERSIONS: Select[Any] = select(
    model_versions.c.id,
    model_versions.c.version,
    model_versions.c.source,
    model_versions.c.storage_location,
    model_versions.c.run_uuid,
    model_versions.c.model_uuid,
)


class RegisteredFiles:
    """What locations of model versions say. For one thread at a time."""

    def __init__(self) -> None:
        self._versions: defaultdict[str, set[int]] = defaultdict(set)
        self._last = 0

    def version_in(self, connection: Connection, owners: Iterable[Row[Any]]) -> str | None:
        """A version with files among the artifacts of these runs and logged models, in words; or None."""
        self._read_on(connection)
        for row in owners:
            for owner in {row.uuid} | owners_in(row.artifact_uri):
                for version_id in sorted(self._versions.get(owner, ())):
                    found = _in_words(connection, version_id, owner)
                    if found is not None:
                        return found
        return None

    def _read_on(self, connection: Connection) -> None:
        last = self._last - LATE
        while True:
            page = _VERSIONS.where(model_versions.c.id > last).order_by(model_versions.c.id).limit(PAGE)
            found = connection.execute(page).all()
            for row in found:
                for owner in _owners_of(row) - {row.run_uuid, row.model_uuid}:
                    self._versions[owner].add(row.id)
                last = row.id
            if len(found) < PAGE:
                break
        self._last = max(self._last, last)


def _in_words(connection: Connection, version_id: int, owner: str) -> str | None:
    """The version as it is now, if it is still there and its files are still the owner's."""
    row = connection.execute(
        _VERSIONS.add_columns(registered_models.c.name)
        .join(registered_models, registered_models.c.id == model_versions.c.registered_model_id)
        .where(model_versions.c.id == version_id)
    ).first()
    if row is None or owner not in _owners_of(row):
        return None
    return f"the files of version {row.version} of the registered model '{row.name}' are among its artifacts"


def _owners_of(version: Row[Any]) -> set[str]:
    return owners_in(version.source) | owners_in(version.storage_location or "")


def owners_in(location: str) -> set[str]:
    """The ids of runs and logged models among whose artifacts `location` may lie."""
    parts = [part for part in unquote(location).split("/") if part]
    owners = {owner for owner, directory in pairwise(parts) if directory == "artifacts"}
    if len(parts) > 1 and parts[0].lower() in ("runs:", "models:"):
        owners.add(parts[1])
    return owners
