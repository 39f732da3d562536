"""Runs nested under others, found by their parents; deleted ones are left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, false, func, literal, select

from tracking_server.store.opaque import opaque
from tracking_server.store.schema import runs

MOST_COUNTED = 1_000
"""A count that reaches this says "or more"."""

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


def counts(connection: Connection, parents: Iterable[str]) -> dict[str, int]:
    """How many runs are directly under each, up to `MOST_COUNTED`; those without any are left out."""
    found: dict[str, int] = {}
    for parent in parents:
        some = (
            select(literal(1)).where(runs.c.parent_uuid == parent, _IS_THERE).limit(MOST_COUNTED).subquery()
        )
        count = connection.execute(select(func.count()).select_from(some)).scalar_one()
        if count:
            found[parent] = count
    return found
