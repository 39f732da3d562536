"""Searching: a filter tree as SQL, and pages that neither skip nor repeat.

A page ends at the sort key of its last row; the next one starts beyond that key.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, false, not_, or_, true

from tracking_client.wire import limits
from tracking_server.errors import InvalidParameter
from tracking_server.query.parser import parse_filter, parse_order
from tracking_server.query.tree import And, Comparison, Node, Not, Or
from tracking_server.query.vocabulary import Vocabulary
from tracking_server.store.opaque import opaque
from tracking_server.store.searching import page_token
from tracking_server.store.searching.order import SortKey, beyond, checked, sql_order
from tracking_server.store.searching.searchable import Searchable

T = TypeVar("T")

VIEWS = ("ACTIVE_ONLY", "DELETED_ONLY", "ALL")

FEW_COMPARISONS = 20

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One search: texts as the client sent them, the view and the size of a page already checked."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: str = "ACTIVE_ONLY"
    max_results: int = 1000
    page_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of the answers, and how to ask for the next; no token at the end."""

    items: list[T]
    next_page_token: str | None = None


def view_of(value: str | int) -> str:
    """The view that a client names, by word or by the wire's number. Raises InvalidParameter."""
    view = {"1": "ACTIVE_ONLY", "2": "DELETED_ONLY", "3": "ALL", "": "ACTIVE_ONLY"}.get(
        str(value), str(value)
    )
    if view not in VIEWS:
        raise InvalidParameter(f"Invalid view type '{view[:100]}'. Known: {', '.join(VIEWS)}")
    return view


def checked_max_results(value: int, most: int = limits.MAX_RESULTS_PER_SEARCH) -> int:
    """`value` as the size of a page. Raises InvalidParameter."""
    what = f"Invalid value {value} for parameter 'max_results' supplied."
    if value < 1:
        raise InvalidParameter(f"{what} It must be a positive integer")
    if value > most:
        raise InvalidParameter(f"{what} It must be at most {most}")
    return value


def page_of(
    connection: Connection,
    statement: Select[Any],
    thing: Searchable,
    vocabulary: Vocabulary,
    request: SearchRequest,
    *,
    about: object,
) -> tuple[list[Any], str | None]:
    """The rows of a page and the token of the next one."""
    tree = parse_filter(request.filter, vocabulary)
    keys: list[SortKey] = []
    for key in parse_order(request.order_by, vocabulary):
        added, statement = thing.sort_keys(statement, key)
        keys.extend(added)
    keys.extend(thing.tie_breakers)
    question = [about, request.filter, request.order_by, request.view]
    statement = statement.where(passes(tree, thing))
    if request.page_token:
        statement = statement.where(
            beyond(keys, checked(page_token.read(request.page_token, about=question), keys))
        )
    labels = [key.expression.label(f"sort_{number}") for number, key in enumerate(keys)]
    statement = statement.add_columns(*labels).order_by(*sql_order(keys)).limit(request.max_results + 1)
    rows = list(connection.execute(statement))
    if len(rows) <= request.max_results:
        return rows, None
    rows = rows[: request.max_results]
    position = list(rows[-1][-len(keys) :])
    return rows, page_token.write(position, about=question)


def passes(tree: Node, thing: Searchable) -> ColumnElement[bool]:
    """Whether a row passes a filter, as SQL.

    How to join what very many comparisons look up, PostgreSQL would think about for long: it is not asked.
    """
    found = condition(tree, thing)
    return opaque(found) if _comparisons(tree) > FEW_COMPARISONS else found


def _comparisons(node: Node) -> int:
    match node:
        case And(parts) | Or(parts):
            return sum(map(_comparisons, parts))
        case Not(part):
            return _comparisons(part)
        case Comparison():
            return 1


def condition(node: Node, thing: Searchable) -> ColumnElement[bool]:
    """`node` as SQL that is true or false, never NULL."""
    match node:
        case And(parts):
            return and_(true(), *(condition(part, thing) for part in parts))
        case Or(parts):
            return or_(false(), *(condition(part, thing) for part in parts))
        case Not(part):
            return not_(condition(part, thing))
        case Comparison():
            return thing.compare(node, test_of(node))


def test_of(comparison: Comparison) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    """The comparison as a function of the column it is about."""
    value: Any = comparison.value
    match comparison.operator:
        case "LIKE":
            return lambda column: column.like(value, escape=_not_in(value))
        case "ILIKE":
            return lambda column: column.ilike(value, escape=_not_in(value))
        case "IN":
            return lambda column: column.in_(value)
        case "NOT IN":
            return lambda column: column.not_in(value)
        case "IS NULL" | "IS NOT NULL":
            return lambda column: column.is_not(None)
        case symbol:
            return lambda column: _COMPARE[symbol](column, value)


def _not_in(pattern: str) -> str:
    """A character to give as the escape: patterns know none, but some databases would take the backslash."""
    return next(mark for mark in map(chr, range(33, 33 + len(pattern) + 3)) if mark not in f"%_{pattern}")
