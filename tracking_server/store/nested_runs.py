"""Runs nested under others, found by their parents; deleted ones are left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, false, func, literal, select

from tracking_server.store.opaque import opaque
from tracking_server.store.schema import runs

MOST_COUNTED = 1_000
"""A count that reaches this says "or more"."""
_CHUNK = 500

# Of two indexes, that of the parent shall be taken, whatever a database thinks of the other.
_IS_THERE = opaque(runs.c.deleted == false())


@dataclass(frozen=True, slots=True)
class Child:
    """A nested run: its row in the store, and its id."""

    row_id: int
    run_id: str


def of(connection: Connection, parent: str, most: int) -> list[Child]:
    """The runs directly under one, oldest first; the first `most`."""
    found = (
        select(runs.c.id, runs.c.uuid)
        .where(runs.c.parent_uuid == parent, _IS_THERE)
        .order_by(runs.c.start_ms, runs.c.uuid)
        .limit(most)
    )
    return [Child(row_id, run_id) for row_id, run_id in connection.execute(found)]


def counts(connection: Connection, runs_above: Iterable[str]) -> dict[str, int]:
    """How many runs are directly under each, up to `MOST_COUNTED`; those without any are left out."""
    return {parent: _counted(connection, parent) for parent in _parents(connection, [*runs_above])}


def _parents(connection: Connection, some: Sequence[str]) -> list[str]:
    """Those of some runs that have any under them: with one question, since most have none."""
    below = runs.alias()
    # The first of them by the index, and not whether one exists: PostgreSQL would look for that in all runs,
    # and MariaDB gather all that are nested anywhere.
    first_below = (
        select(below.c.start_ms)
        .where(below.c.parent_uuid == runs.c.uuid, opaque(below.c.deleted == false()))
        .order_by(below.c.start_ms)
        .limit(1)
        .scalar_subquery()
    )
    found: list[str] = []
    for start in range(0, len(some), _CHUNK):
        chunk = some[start : start + _CHUNK]
        found += connection.execute(
            select(runs.c.uuid).where(runs.c.uuid.in_(chunk), first_below.is_not(None))
        ).scalars()
    return found


def _counted(connection: Connection, parent: str) -> int:
    some = select(literal(1)).where(runs.c.parent_uuid == parent, _IS_THERE).limit(MOST_COUNTED).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()
