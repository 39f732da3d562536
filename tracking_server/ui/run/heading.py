"""What stands above every page of a run: where it belongs, what it is doing, the ways to its other pages."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from tracking_client.wire import names
from tracking_server.errors import NotFound
from tracking_server.store import experiments, runs
from tracking_server.store.records import Experiment, RunInfo
from tracking_server.store.schema import run_tags
from tracking_server.store.schema import runs as run_rows

_AS_EVER = "exit code 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A run that another one is nested under; `name` is its id where it is not in the store."""

    run_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A run without its data. `row_id` is its number within the store.

    `has_children`: other runs are nested under it, which makes it a sweep for people.
    `reason` is why it ended as it did, "" where nobody said or where it says no more than the status.
    """

    row_id: int
    run: RunInfo
    experiment: Experiment
    parent: Ancestor | None
    has_children: bool
    reason: str


def of(connection: Connection, run_id: str) -> Heading:
    """The heading of a run, deleted or not. Raises NotFound."""
    row = runs.find(connection, run_id)
    child = select(run_rows.c.id).where(run_rows.c.parent_uuid == row.uuid).limit(1)
    reason = select(run_tags.c.value).where(run_tags.c.run_id == row.id, run_tags.c.key == names.END_REASON)
    return Heading(
        row_id=row.id,
        run=runs.info(row),
        experiment=experiments.get(connection, str(row.experiment_id)),
        parent=_parent(connection, row),
        has_children=connection.execute(child).first() is not None,
        reason=_worth_saying(row.status, connection.execute(reason).scalar() or ""),
    )


def _worth_saying(status: str, reason: str) -> str:
    return "" if (status, reason) == ("FINISHED", _AS_EVER) else reason


def _parent(connection: Connection, row: Row[tuple[object, ...]]) -> Ancestor | None:
    if not row.parent_uuid:
        return None
    try:
        found = runs.find(connection, row.parent_uuid)
    except NotFound:  # anything may stand in a tag
        return Ancestor(run_id=row.parent_uuid, name=row.parent_uuid)
    return Ancestor(run_id=found.uuid, name=found.name)
