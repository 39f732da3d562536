"""Few candidates for a filter, found by index before anything is sorted.

A filter that few runs pass would make a walk in the order of the answer long. The index of what it compares
names those runs at once, and how many they are is known after a bounded look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from tracking_server.query.tree import And, Comparison, Node, Not, Or
from tracking_server.store.searching.lanes import RUNS, Scope, range_of
from tracking_server.store.searching.paging import test_of

MOST = 4_000
"""More candidates than these are not fetched: the answer's order is walked instead."""
MOST_RUNS = 1_000
"""A scope with fewer runs is taken whole."""
DENSE = 5
"""Where every fifth run is a candidate or more are, walking is cheaper, however they are spread."""
MOST_LOOKS = 12
ENOUGH = 100
COSTLY = 2

Candidates = dict[int, int]
"""Starts (epoch milliseconds) by id of the table `runs`."""


@dataclass(slots=True)
class Looks:
    """The looks into indexes that one search takes, cheap ones until it says otherwise.

    `common` are the comparisons of the whole filter that many runs satisfy, in the order they were looked at.
    """

    connection: Connection
    scope: Scope
    common: list[Comparison] = field(default_factory=list)
    costly: bool = False
    left: int = MOST_LOOKS
    depth: int = 0
    found: dict[Comparison, Candidates | None] = field(default_factory=dict)

    def at(self, node: Node) -> Candidates | None:
        """Runs among which all are that `node` is true of; None where they are many or no index knows."""
        match node:
            case And(parts) if parts:
                return self._fewest(parts)
            case Or(parts):
                return self._together(parts)
            case Comparison():
                return self._at_comparison(node)
            case And() | Not():
                return None

    def _fewest(self, parts: Sequence[Node]) -> Candidates | None:
        best: Candidates | None = None
        for part in sorted(parts, key=_promise):
            found = self.at(part)
            if found is not None and (best is None or len(found) < len(best)):
                best = found
            if best is not None and len(best) <= ENOUGH:
                break
        return best

    def _together(self, parts: Sequence[Node]) -> Candidates | None:
        union: Candidates = {}
        self.depth += 1
        for part in parts:
            found = self.at(part)
            if found is None:
                break
            union.update(found)
        else:
            found = union
        self.depth -= 1
        return None if found is None or len(union) > MOST else union

    def _at_comparison(self, comparison: Comparison) -> Candidates | None:
        if comparison in self.found:
            return self.found[comparison]
        if self.left == 0 or _promise(comparison) > (COSTLY if self.costly else COSTLY - 1):
            return None
        known = range_of(self.connection, self.scope, comparison, test_of(comparison))
        if known is None:
            return None
        self.left -= 1
        found = self.found[comparison] = _fetched(self.connection, *known, most=MOST)
        if found is None and self.depth == 0:
            self.common.append(comparison)
        return found

    def dense(self, candidates: Candidates) -> bool:
        """Whether so many runs of the scope are among `candidates` that walking meets them soon."""
        if len(candidates) <= ENOUGH:
            return False
        most = DENSE * len(candidates)
        return _count(self.connection, select(RUNS.c.id).where(self._in_scope()).limit(most + 1)) <= most

    def everything(self) -> Candidates | None:
        """All runs of the scope, where they are few."""
        return _fetched(self.connection, RUNS.c.id, RUNS.c.start_ms, self._in_scope(), most=MOST_RUNS)

    def _in_scope(self) -> ColumnElement[bool]:
        return and_(RUNS.c.experiment_id.in_(self.scope.experiments), RUNS.c.deleted.in_(self.scope.deleted))


def _promise(node: Node) -> int:
    """Low for what is likely to be rare and cheap to look at. COSTLY looks go through all values of a key."""
    match node:
        case Comparison(operator="=" | "IN"):
            return 0
        case Comparison(operator="!=" | "NOT IN" | "IS NOT NULL" | "ILIKE"):
            return COSTLY
        case Comparison(operator="LIKE", value=str(pattern)) if pattern.startswith(("%", "_")):
            return COSTLY
        case _:
            return 1


def _fetched(
    connection: Connection,
    row_id: ColumnElement[int],
    start: ColumnElement[int],
    where: ColumnElement[bool],
    *,
    most: int,
) -> Candidates | None:
    """The entries of a range of an index, or None where they are more than `most`."""
    entries = select(row_id, start).where(where).limit(most + 1)
    # Counting inside the database first: what turns out to be too much is not carried over.
    if _count(connection, entries) > most:
        return None
    return {row[0]: row[1] for row in connection.execute(entries)}


def _count(connection: Connection, entries: Any) -> int:
    count: int = connection.execute(select(func.count()).select_from(entries.subquery())).scalar_one()
    return count


def chunks(ids: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    """`ids` in parts that fit into one statement."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
