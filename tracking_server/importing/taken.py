"""What becomes of records where something is already: what is here wins, and the difference is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from tracking_server.importing.records import Place, Problem
from tracking_server.store.records import Tag
from tracking_server.store.upsert import insert_missing


@dataclass(slots=True)
class Taken:
    """What a reply is made from."""

    places: list[Place] = field(default_factory=list)
    runs_here: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, kind: str, what: str, why: str) -> None:
        """Tell a difference that is left as it is."""
        self.problems.append(Problem(kind=kind, what=what, why=why, lost=False))


def new_tags(
    stored: Mapping[str, str], given: Iterable[Tag], what: str, taken: Taken, *, kind: str = "tag"
) -> dict[str, str]:
    """Those of `given` that are not there yet; one that has another value here is told."""
    fresh: dict[str, str] = {}
    for tag in given:
        if tag.key not in stored:
            fresh[tag.key] = tag.value
        elif stored[tag.key] != tag.value:
            why = f"it stays '{stored[tag.key][:100]}', as it is here"
            taken.note(kind, f"{what}: {kind} '{tag.key}'", why)
    return fresh


def add_tags(
    connection: Connection,
    table: Table,
    owner: tuple[str, int],
    given: Sequence[Tag],
    what: str,
    taken: Taken,
    *,
    kind: str = "tag",
) -> None:
    """Insert those of `given` that the owner (the column of `table` that names it, its id) does not have."""
    if not given:
        return
    column, owner_id = owner
    pairs: Any = connection.execute(select(table.c.key, table.c.value).where(table.c[column] == owner_id))
    fresh = new_tags({row.key: row.value for row in pairs}, given, what, taken, kind=kind)
    insert_missing(
        connection, table, [{column: owner_id, "key": key, "value": value} for key, value in fresh.items()]
    )
