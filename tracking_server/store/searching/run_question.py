"""A search of runs, read and ready to be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from tracking_server.query.parser import parse_filter, parse_order
from tracking_server.query.tree import EVERYTHING, Node, OrderKey
from tracking_server.query.vocabulary import RUNS as WORDS
from tracking_server.store.searching import page_token, searchable
from tracking_server.store.searching.lanes import RUNS, Scope, scope_of
from tracking_server.store.searching.order import SortKey, Value, checked
from tracking_server.store.searching.paging import SearchRequest, condition
from tracking_server.store.searching.searchable import Searchable

Found = tuple[Any, ...]
"""The sort keys of one run. The last is its id in the table `runs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A search, read and ready to be answered; its walks return at most `need` rows."""

    connection: Connection
    thing: Searchable
    scope: Scope
    tree: Node
    order: tuple[OrderKey, ...]
    keys: tuple[SortKey, ...]
    after: Sequence[Value] | None
    need: int

    @property
    def ascending(self) -> list[bool]:
        """The direction of each sort key."""
        return [key.ascending for key in self.keys]

    @property
    def by_start(self) -> bool:
        """Whether the start decides alone, as it does by default."""
        return not self.order or (self.order[0].entity, self.order[0].key) == ("attribute", "start_time")

    @property
    def only_by_start(self) -> bool:
        """Whether nothing else is asked for."""
        return self.by_start and len(self.order) <= 1

    def passes(self) -> ColumnElement[bool] | None:
        """The filter as SQL; None where everything passes."""
        return None if self.tree == EVERYTHING else condition(self.tree, self.thing)


def read(
    connection: Connection, experiments: Sequence[int], request: SearchRequest
) -> tuple[Question, object]:
    """The question, and what its page tokens are bound to. Raises InvalidParameter."""
    thing = searchable.runs(connection)
    tree = parse_filter(request.filter, WORDS)
    order = _deciding(parse_order(request.order_by, WORDS))
    keys = _sort_keys(thing, order)
    about = [list(experiments), request.filter, request.order_by, request.view]
    after = None
    if request.page_token:
        after = checked(page_token.read(request.page_token, about=about), keys)
    deleted = {"ACTIVE_ONLY": (False,), "DELETED_ONLY": (True,), "ALL": (False, True)}[request.view]
    question = Question(
        connection=connection,
        thing=thing,
        scope=scope_of(connection, experiments, deleted),
        tree=tree,
        order=order,
        keys=keys,
        after=after,
        need=request.max_results + 1,
    )
    return question, about


def _deciding(order: Sequence[OrderKey]) -> tuple[OrderKey, ...]:
    """The keys that can decide something: none after the id of a run."""
    ids = [number for number, key in enumerate(order) if (key.entity, key.key) == ("attribute", "run_id")]
    return tuple(order[: ids[0] + 1] if ids else order)


def _sort_keys(thing: Searchable, order: Sequence[OrderKey]) -> tuple[SortKey, ...]:
    """All sort keys on the table of runs: those of the order, then the start and the id."""
    _, keys = with_keys(thing, select(RUNS.c.id), order, start=RUNS.c.start_ms, row_id=RUNS.c.id)
    return tuple(keys)


def with_keys(
    thing: Searchable,
    statement: Select[Any],
    order: Sequence[OrderKey],
    *,
    start: ColumnElement[int],
    row_id: ColumnElement[int],
) -> tuple[Select[Any], list[SortKey]]:
    """`statement` with the joins that the sort keys need, and those keys."""
    keys: list[SortKey] = []
    newest_first = True
    start_is_given = False
    for key in order:
        if (key.entity, key.key) == ("attribute", "start_time"):
            start_is_given, newest_first = True, not key.ascending
            keys.append(SortKey(expression=start, ascending=key.ascending))
            continue
        added, statement = thing.sort_keys(statement, key)
        keys.extend(added)
    if not start_is_given:
        keys.append(SortKey(expression=start, ascending=False))
    # Runs that started together: later ones count as newer.
    keys.append(SortKey(expression=row_id, ascending=not newest_first))
    return statement, keys
