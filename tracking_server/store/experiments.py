"""Experiments and their tags.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.engine import Row

from tracking_server.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from tracking_server.store import plain
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Experiment, Tag
from tracking_server.store.schema import experiment_tags, experiments, runs
from tracking_server.store.upsert import insert_missing, insert_or_update

DEFAULT_ID = 0
DEFAULT_NAME = "Default"

_LARGEST_ID = 2**63 - 1
_MOST_DIGITS = 100

_BY_ID = select(experiments).where(experiments.c.id == bindparam("wanted"))
_BY_NAME = select(experiments).where(experiments.c.name == bindparam("wanted"))
_TAGS = (
    select(experiment_tags)
    .where(experiment_tags.c.experiment_id.in_(bindparam("ids", expanding=True)))
    .order_by(experiment_tags.c.experiment_id, experiment_tags.c.key)
)


def parse_id(experiment_id: str) -> int:
    """The store's id of an experiment; raises InvalidParameter for anything but a plain number."""
    # The length first: Python refuses to read thousands of digits.
    if experiment_id.isascii() and experiment_id.isdigit() and len(experiment_id) <= _MOST_DIGITS:
        number = int(experiment_id)
        if number <= _LARGEST_ID:
            return number
    raise InvalidParameter(
        f"Invalid experiment ID '{experiment_id[:300]}'. Experiment ID must be a valid integer."
    )


def ensure_default(connection: Connection, artifact_root: str) -> None:
    """Make the experiment "0", "Default", in a store that has no experiment "0"."""
    if connection.execute(_BY_ID, {"wanted": DEFAULT_ID}).first() is None:
        at_ms = now_ms()
        insert_missing(
            connection,
            experiments,
            [
                {
                    "id": DEFAULT_ID,
                    "name": DEFAULT_NAME,
                    "artifact_location": location_under(artifact_root, DEFAULT_ID),
                    "deleted": False,
                    "created_at_ms": at_ms,
                    "updated_at_ms": at_ms,
                }
            ],
        )


def location_under(artifact_root: str, experiment_id: int) -> str:
    """The artifact location that an experiment gets where its creator names none."""
    return f"{artifact_root}/{experiment_id}"


def create(
    connection: Connection,
    name: str,
    *,
    artifact_location: str | None,
    artifact_root: str,
    tags: Mapping[str, str],
) -> str:
    """Make an experiment and return its id. Raises AlreadyExists where the name is taken, deleted or not."""
    if connection.execute(_BY_NAME, {"wanted": name}).first() is not None:
        raise AlreadyExists(f"Experiment(name={name}) already exists.")
    at_ms = now_ms()
    made = connection.execute(
        insert(experiments).values(
            name=name,
            artifact_location=artifact_location or "",
            deleted=False,
            created_at_ms=at_ms,
            updated_at_ms=at_ms,
        )
    )
    (experiment_id,) = made.inserted_primary_key or (None,)
    assert isinstance(experiment_id, int)
    if not artifact_location:
        connection.execute(
            update(experiments)
            .where(experiments.c.id == experiment_id)
            .values(artifact_location=location_under(artifact_root, experiment_id))
        )
    insert_or_update(connection, experiment_tags, _tag_rows(experiment_id, tags))
    return str(experiment_id)


def _tag_rows(experiment_id: int, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"experiment_id": experiment_id, "key": key, "value": value} for key, value in tags.items()]


def get(connection: Connection, experiment_id: str) -> Experiment:
    """The experiment, deleted or not. Raises NotFound."""
    return with_tags(connection, [_row(connection, experiment_id)])[0]


def get_by_name(connection: Connection, name: str) -> Experiment:
    """The experiment of that name, deleted or not. Raises NotFound."""
    row = connection.execute(_BY_NAME, {"wanted": name}).first()
    if row is None:
        raise NotFound(f"Could not find experiment with name '{name}'")
    return with_tags(connection, [row])[0]


def _row(connection: Connection, experiment_id: str) -> Row[Any]:
    wanted = {"wanted": parse_id(experiment_id)}
    row: Row[Any] | None
    if plain.serves(connection):
        row = plain.first(connection, _BY_ID, wanted)
    else:
        row = connection.execute(_BY_ID, wanted).first()
    if row is None:
        raise NotFound(f"No Experiment with id={experiment_id} exists")
    return row


def active_row(connection: Connection, experiment_id: str) -> Row[Any]:
    """The row of an experiment that may get runs. Raises NotFound, or InvalidParameter for a deleted one."""
    row = _row(connection, experiment_id)
    if row.deleted:
        raise InvalidParameter(
            f"The experiment {experiment_id} must be in the 'active' state. Current state is deleted."
        )
    return row


def with_tags(connection: Connection, rows: Iterable[Row[Any]]) -> list[Experiment]:
    """Whole experiments for their rows, in the same order."""
    found = list(rows)
    tags: dict[int, list[Tag]] = {row.id: [] for row in found}
    ids = list(tags)
    for start in range(0, len(ids), 500):
        for experiment_id, key, value in connection.execute(_TAGS, {"ids": ids[start : start + 500]}):
            tags[experiment_id].append(Tag(key, value))
    return [
        Experiment(
            experiment_id=str(row.id),
            name=row.name,
            artifact_location=row.artifact_location,
            lifecycle_stage="deleted" if row.deleted else "active",
            last_update_time=row.updated_at_ms,
            creation_time=row.created_at_ms,
            tags=tuple(tags[row.id]),
            workspace="default",
        )
        for row in found
    ]


def rename(connection: Connection, experiment_id: str, new_name: str) -> None:
    """Rename an active experiment. Raises NotFound, InvalidState, AlreadyExists."""
    row = _row(connection, experiment_id)
    if row.deleted:
        raise InvalidState("Cannot rename a non-active experiment.")
    other = connection.execute(_BY_NAME, {"wanted": new_name}).first()
    if other is not None and other.id != row.id:
        raise AlreadyExists(f"Experiment(name={new_name}) already exists.")
    _update(connection, row.id, name=new_name)


def set_deleted(connection: Connection, experiment_id: str, *, deleted: bool) -> None:
    """Delete or restore an experiment; all its runs follow, as in MLflow. Doing it twice is harmless.

    Raises NotFound.
    """
    row = _row(connection, experiment_id)
    if bool(row.deleted) == deleted:
        return
    _update(connection, row.id, deleted=deleted)
    connection.execute(
        update(runs)
        .where(runs.c.experiment_id == row.id, runs.c.deleted != deleted)
        .values(deleted=deleted, deleted_at_ms=now_ms() if deleted else None)
    )


def _update(connection: Connection, row_id: int, **values: object) -> None:
    connection.execute(
        update(experiments).where(experiments.c.id == row_id).values(updated_at_ms=now_ms(), **values)
    )


def set_tag(connection: Connection, experiment_id: str, key: str, value: str) -> None:
    """Set or overwrite a tag of an active experiment. Raises NotFound, InvalidParameter."""
    row = active_row(connection, experiment_id)
    insert_or_update(connection, experiment_tags, _tag_rows(row.id, {key: value}))


def delete_tag(connection: Connection, experiment_id: str, key: str) -> None:
    """Remove a tag of an active experiment. Raises NotFound also where there is no such tag."""
    row = active_row(connection, experiment_id)
    gone = connection.execute(
        delete(experiment_tags).where(experiment_tags.c.experiment_id == row.id, experiment_tags.c.key == key)
    )
    if gone.rowcount == 0:
        raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}")
