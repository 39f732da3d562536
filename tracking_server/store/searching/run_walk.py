"""Walking through the runs in the order of an index, testing each, until a page is full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from tracking_client.wire import names
from tracking_server.query.tree import And, Comparison, Node
from tracking_server.store.opaque import opaque
from tracking_server.store.searching import lanes
from tracking_server.store.searching.lanes import RUNS, Bound, Lane
from tracking_server.store.searching.order import (
    Position,
    SortKey,
    Value,
    beyond,
    compare,
    sorting,
    sql_order,
)
from tracking_server.store.searching.paging import test_of
from tracking_server.store.searching.run_question import Found, Question, with_keys
from tracking_server.store.searching.searchable import Test

WINDOW = 5_000
"""So many runs of the listing are tested before other ways are thought of."""
_HAS_NO_PARENT = Comparison(entity="tag", key=names.PARENT_RUN_ID, operator="IS NULL")
_KEPT_PAGES = 4
"""So many pages of rows from different lanes are gathered before all but the first are let go."""


def is_own_lane(question: Question) -> bool:
    """Whether an index holds the answer by start, and nothing else."""
    return question.by_start and question.tree == _HAS_NO_PARENT and not question.scope.together


def in_window(question: Question, common: Sequence[Comparison]) -> list[Found] | None:
    """The answer if it is among the first runs of the walk by start; None where these are not enough."""
    if question.scope.is_wide:
        merged = lanes.recent(question.scope, bounds=_start_bounds(question))
    else:
        (merged,) = _ways(question, common)
    edges = [edge for lane in merged if (edge := _edge(question, lane)) is not None]
    if edges:
        upwards = question.ascending[0]
        edge = min(edges) if upwards else max(edges)
        operator = "<=" if upwards else ">="
        merged = [
            replace(
                lane,
                bounds=(
                    *(bound for bound in lane.bounds if bound[0][0] != operator[0]),
                    (operator, lane.start <= edge if upwards else lane.start >= edge),
                ),
            )
            for lane in merged
        ]
    rows = _merged(question, merged, question.need)
    return rows if len(rows) >= question.need or not edges else None


def _edge(question: Question, lane: Lane) -> int | None:
    """The start of the run where the window over a lane ends; None where the lane ends before."""
    upwards = question.ascending[0]
    bounds = lane.bounds_beyond(upwards=upwards, going_on=question.after is not None)
    first = select(lane.start.label("start")).where(lane.within, *bounds)
    if question.after is not None:
        place = question.after[0]
        first = first.where(lane.start >= place if upwards else lane.start <= place)
    first = first.order_by(*_led(question, lane), lane.start.asc() if upwards else lane.start.desc()).limit(
        WINDOW
    )
    inner = first.subquery()
    last = func.max(inner.c.start) if upwards else func.min(inner.c.start)
    count, edge = question.connection.execute(select(func.count(), last)).one()
    return edge if count == WINDOW else None


def everywhere(question: Question) -> list[Found]:
    """The answer when it may be anywhere."""
    rows: list[Found] = []
    for merged in _ways(question, ()):
        rows.extend(_merged(question, merged, question.need - len(rows)))
        if len(rows) >= question.need:
            break
    return rows


def _merged(question: Question, merged: Sequence[Lane], need: int) -> list[Found]:
    """Up to `need` rows of several lanes, in order."""
    found: list[Found] = []
    in_order = sorting(question.ascending)
    for lane in merged:
        found.extend(_walk_lane(question, lane, need))
        if len(found) > _KEPT_PAGES * need:
            # There may be thousands of experiments: memory is bounded by the page.
            found = sorted(found, key=in_order)[:need]
    if len(merged) > 1:
        found.sort(key=in_order)
    return found[:need]


def _ways(question: Question, common: Sequence[Comparison]) -> Iterator[list[Lane]]:
    """The lanes of the order; by start, those of an equality that many satisfy hold nothing else."""
    scope = question.scope
    if question.by_start:
        texts = [comparison for comparison in common if lanes.has_lane(comparison)]
        if texts:
            yield lanes.with_text(scope, texts[0])
            return
        if not scope.together and _HAS_NO_PARENT in _parts(question.tree):
            yield lanes.roots(scope, bounds=_start_bounds(question))
            return
        yield lanes.of_runs(scope, bounds=_start_bounds(question))
        return
    first = question.order[0]
    tests = _tests_of(question.tree, first.entity, first.key)
    column = question.thing.ordered(first)
    yield from lanes.in_order(question.connection, scope, first, column, tests)


def _start_bounds(question: Question) -> tuple[Bound, ...]:
    tests = _tests_of(question.tree, "attribute", "start_time")
    return tuple((operator, test(RUNS.c.start_ms)) for operator, test in tests)


def _tests_of(tree: Node, entity: str, key: str) -> list[tuple[str, Test]]:
    """What every answer's value of a number must pass, and by which operators."""
    return [
        (part.operator, test_of(part))
        for part in _parts(tree)
        if isinstance(part, Comparison)
        and (part.entity, part.key) == (entity, key)
        and part.operator in ("=", "<", "<=", ">", ">=")
        and (entity == "metric" or part.key in ("start_time", "end_time"))
    ]


def _parts(tree: Node) -> Sequence[Node]:
    """What all must be true of an answer."""
    return tree.parts if isinstance(tree, And) else (tree,)


def _led(question: Question, lane: Lane) -> list[ColumnElement[Any]]:
    """What the order begins with in PostgreSQL, which does not see that what is NULL throughout is sorted.

    The others see it, and MariaDB sorts where it is told of that column.
    """
    if lane.absent is None or question.connection.dialect.name != "postgresql":
        return []
    return [lane.absent.asc() if question.ascending[0] else lane.absent.desc()]


def _walk_lane(question: Question, lane: Lane, need: int) -> list[Found]:
    """Up to `need` rows of one lane, in order."""
    after = question.after
    if after is not None:
        place = compare(after, lane.prefix, question.ascending) if lane.prefix else 0
        if place > 0:
            return []
        after = None if place < 0 else after[len(lane.prefix) :]
    if lane.value is None:
        return _group(question, lane, lane.prefix, None, after, need)
    rows: list[Found] = []
    if after is not None:
        rows = _group(question, lane, (*lane.prefix, after[0]), after[0], after[1:], need)
    if len(rows) < need:
        rows.extend(_further(question, lane, None if after is None else after[0], need - len(rows)))
    return rows


def _statement(question: Question, lane: Lane) -> tuple[Select[Any], list[SortKey]]:
    """What is read on a lane, filtered; and the sort keys after those that the lane itself decides."""
    order = question.order[1:] if not question.by_start else question.order
    statement, rest = with_keys(
        question.thing, select().select_from(lane.source), order, start=lane.start, row_id=lane.row_id
    )
    statement = statement.where(lane.within)
    passes = None if lane.absent is not None and is_own_lane(question) else question.passes()
    tests = [test for test in (lane.hidden, passes) if test is not None]
    if tests:
        statement = statement.where(opaque(and_(*tests)))
    return statement, rest


def _group(
    question: Question,
    lane: Lane,
    prefix: tuple[Value, ...],
    value: Value | None,
    after: Position | None,
    need: int,
) -> list[Found]:
    """The rows of a lane that share `value`, in the order of the other keys."""
    statement, rest = _statement(question, lane)
    if lane.value is not None:
        statement = statement.where(lane.value == value)
    else:
        bounds = lane.bounds_beyond(upwards=question.ascending[0], going_on=after is not None)
        statement = statement.where(*bounds)
    if after is not None:
        statement = statement.where(beyond(rest, after))
    statement = statement.add_columns(*(key.expression for key in rest))
    statement = statement.order_by(*_led(question, lane), *sql_order(rest)).limit(need)
    return [(*prefix, *row) for row in question.connection.execute(statement)]


def _further(question: Question, lane: Lane, value: Value | None, need: int) -> list[Found]:
    """The rows of a lane whose values come after `value`."""
    assert lane.value is not None
    upwards = question.order[0].ascending
    statement, rest = _statement(question, lane)
    statement = statement.where(*lane.bounds_beyond(upwards=upwards, going_on=value is not None))
    if value is not None:
        statement = statement.where(lane.value > value if upwards else lane.value < value)
    statement = statement.add_columns(lane.value, *(key.expression for key in rest))
    # By the value alone: the index has its groups of equal values in one order of starts only.
    statement = statement.order_by(lane.value.asc() if upwards else lane.value.desc()).limit(need + 1)
    rows = [(*lane.prefix, *row) for row in question.connection.execute(statement)]
    at = len(lane.prefix)
    whole = rows
    if len(rows) > need:
        # There may be more of the last value than was read, and others of them may come first.
        whole = [row for row in rows if row[at] != rows[-1][at]]
    whole.sort(key=sorting(question.ascending))
    if len(rows) > need > len(whole):
        last = rows[-1][at]
        whole += _group(question, lane, (*lane.prefix, last), last, None, need - len(whole))
    return whole[:need]
