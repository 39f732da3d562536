"""The ways through the runs of a search: ranges of indexes that hold them in the order asked for.

An order is a sequence of lanes. The lanes of one `prefix` (the sort keys that all of their rows share) are
merged: one for each experiment, and for each state of deletion. Prefixes follow one another: the runs that
have a metric, those where it is NaN, those without it.

Each lane costs a statement. Where many experiments are asked, one lane goes through all of them (`Scope`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    Table,
    and_,
    exists,
    false,
    func,
    literal,
    select,
    true,
)

from tracking_server.query.tree import Comparison, OrderKey
from tracking_server.store import metric_keys, schema
from tracking_server.store.searching.order import Value
from tracking_server.store.searching.searchable import Test, metric_test

RUNS = schema.runs
TEXTS: dict[str, Table] = {"param": schema.params, "tag": schema.run_tags}
INDEXED_TEXTS: dict[str, ColumnElement[str]] = {
    "run_name": RUNS.c.name_head,
    "status": RUNS.c.status,
    "user_id": RUNS.c.user_id,
}
"""Attributes with an index by experiment, deletion, value and start."""

MANY = 20
"""More experiments than these are many: by start, the newest runs of all experiments are looked at first."""
RUNS_PER_STATEMENT = 1_000
"""So many runs are passed by in the time that a statement takes."""
AT_ONCE = 100
"""So many experiments are read at once where they follow one another."""

_HIGHEST = chr(0x10FFFF) * 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which runs a search is about: experiments, and whether deleted.

    `together`: all experiments share their lanes. By start these pass by the runs of other experiments; in
    any other order what they hold is sorted. That costs less than a lane for each in a store of few runs.
    """

    experiments: tuple[int, ...]
    deleted: tuple[bool, ...]
    together: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether the experiments are many."""
        return len(self.experiments) > MANY

    @property
    def parts(self) -> list[tuple[int, ...]]:
        """The experiments that share lanes."""
        return [self.experiments] if self.together else [(experiment,) for experiment in self.experiments]

    @property
    def everything(self) -> bool:
        """Whether deletion does not matter."""
        return len(self.deleted) == 2


def scope_of(connection: Connection, experiments: Sequence[int], deleted: tuple[bool, ...]) -> Scope:
    """The scope of a search, with the cheaper of the ways through it."""
    scope = Scope(experiments=tuple(experiments), deleted=deleted)
    if not scope.is_wide:
        return scope
    newest = connection.execute(select(func.max(RUNS.c.id))).scalar() or 0
    return replace(scope, together=newest <= RUNS_PER_STATEMENT * len(experiments))


Bound = tuple[str, ColumnElement[bool]]
"""A comparison that an order can be cut by, and its operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A range of an index: `within` is where it is, then `value` (if any), start and id order it.

    `bounds` shorten it: they hold for every answer anyway, since the filter implies them. `hidden` must hold
    too but is no bound of the index. `prefix` are the first sort keys of every row here. `absent` is a column
    that the index has before the start, and that is NULL in every row.
    """

    source: FromClause
    within: ColumnElement[bool]
    start: ColumnElement[int]
    row_id: ColumnElement[int]
    prefix: tuple[Value, ...] = ()
    value: ColumnElement[Any] | None = None
    bounds: tuple[Bound, ...] = ()
    hidden: ColumnElement[bool] | None = None
    absent: ColumnElement[Any] | None = None

    def bounds_beyond(self, *, upwards: bool, going_on: bool) -> list[ColumnElement[bool]]:
        """The bounds that a part of the lane needs. The place where one goes on is a nearer bound than those
        on the same side, and a database that has two takes any.
        """
        behind = (">", ">=") if upwards else ("<", "<=")
        return [test for operator, test in self.bounds if not (going_on and operator in behind)]


def of_runs(
    scope: Scope,
    *,
    prefix: tuple[Value, ...] = (),
    value: ColumnElement[Any] | None = None,
    where: ColumnElement[bool] | None = None,
    bounds: tuple[Bound, ...] = (),
    hidden: ColumnElement[bool] | None = None,
) -> list[Lane]:
    """Lanes through the table of runs itself."""
    if scope.together and value is None and where is None:
        return recent(scope, prefix=prefix, bounds=bounds, hidden=hidden)
    within = true() if where is None else where
    return [
        Lane(
            source=RUNS,
            within=and_(_one_of(RUNS.c.experiment_id, part), RUNS.c.deleted == deleted, within),
            start=RUNS.c.start_ms,
            row_id=RUNS.c.id,
            prefix=prefix,
            value=value,
            bounds=bounds,
            hidden=hidden,
        )
        for part in scope.parts
        for deleted in scope.deleted
    ]


def roots(scope: Scope, *, bounds: tuple[Bound, ...] = ()) -> list[Lane]:
    """Lanes by start through the runs that are nested under no other."""
    parent = RUNS.c.parent_uuid
    return [replace(lane, absent=parent) for lane in of_runs(scope, where=parent.is_(None), bounds=bounds)]


def recent(
    scope: Scope,
    *,
    prefix: tuple[Value, ...] = (),
    bounds: tuple[Bound, ...] = (),
    hidden: ColumnElement[bool] | None = None,
) -> list[Lane]:
    """Lanes by start through the runs of all experiments; those of others are passed by."""
    in_scope = RUNS.c.experiment_id.in_(scope.experiments)
    return [
        Lane(
            source=RUNS,
            within=RUNS.c.deleted == deleted,
            start=RUNS.c.start_ms,
            row_id=RUNS.c.id,
            prefix=prefix,
            bounds=bounds,
            hidden=in_scope if hidden is None else and_(in_scope, hidden),
        )
        for deleted in scope.deleted
    ]


def _one_of(column: ColumnElement[int], experiments: Sequence[int]) -> ColumnElement[bool]:
    return column == experiments[0] if len(experiments) == 1 else column.in_(experiments)


def _beside(
    scope: Scope,
    table: Any,
    where: ColumnElement[bool],
    *,
    prefix: tuple[Value, ...] = (),
    value: ColumnElement[Any] | None = None,
    bounds: tuple[Bound, ...] = (),
) -> list[Lane]:
    """Lanes through a table that keeps data of runs, with copies of their experiment and start."""
    return [
        Lane(
            source=table.join(RUNS, RUNS.c.id == table.c.run_id),
            within=and_(_one_of(table.c.experiment_id, part), where),
            start=table.c.start_ms,
            row_id=table.c.run_id,
            prefix=prefix,
            value=value,
            bounds=bounds,
            hidden=None if scope.everything else RUNS.c.deleted == scope.deleted[0],
        )
        for part in scope.parts
    ]


def has_lane(comparison: Comparison) -> bool:
    """Whether `with_text` knows the runs that it is true of."""
    if comparison.operator != "=":
        return False
    return comparison.entity in TEXTS or (
        comparison.entity == "attribute" and comparison.key in INDEXED_TEXTS
    )


def with_text(scope: Scope, comparison: Comparison) -> list[Lane]:
    """The runs for which an attribute, parameter or tag equals a text, newest or oldest first."""
    text = str(comparison.value)
    if comparison.entity == "attribute":
        column = INDEXED_TEXTS[comparison.key]
        return of_runs(scope, where=column == text[: _indexed_length(column)])
    table = TEXTS[comparison.entity].alias()
    head = text[: schema.HEAD_LENGTH]
    return _beside(scope, table, and_(table.c.key == comparison.key, table.c.head == head))


def _indexed_length(column: ColumnElement[str]) -> int | None:
    """How many characters of a text its index has; None: all of them."""
    return schema.HEAD_LENGTH if str(column.key).endswith("head") else None


def in_order(
    connection: Connection,
    scope: Scope,
    first: OrderKey,
    column: ColumnElement[Any],
    tests: Sequence[tuple[str, Test]],
) -> Iterator[list[Lane]]:
    """The lanes by `first`, merged where they are in one list. `column` is the attribute, if it is one.

    `tests` and their operators hold for the value in every answer: they shorten a lane.
    """
    match first.entity, first.key:
        case "metric", key:
            yield from _by_metric(connection, scope, key, tests)
        case ("param" | "tag") as entity, key:
            yield from _by_text(scope, TEXTS[entity], key)
        case _, "experiment_id":
            yield from _by_experiment(scope, column, upwards=first.ascending)
        case _, "end_time":
            yield of_runs(
                scope, prefix=(0,), value=column, where=column.is_not(None), bounds=_bounds(column, tests)
            )
            if not tests:
                yield of_runs(scope, prefix=(1, 0), where=column.is_(None))
        case _, "run_name" if scope.together:
            # Sorting by the computed column itself, MariaDB takes it for empty where the index has all else.
            yield of_runs(scope, value=func.substr(RUNS.c.name, 1, schema.HEAD_LENGTH, type_=String))
        case _:
            yield of_runs(scope, value=column)


def _by_experiment(scope: Scope, column: ColumnElement[Any], *, upwards: bool) -> Iterator[list[Lane]]:
    experiments = sorted(scope.experiments, key=str, reverse=not upwards)
    step = AT_ONCE if scope.together else 1
    for start in range(0, len(experiments), step):
        some = replace(scope, experiments=tuple(experiments[start : start + step]))
        if scope.together:
            yield of_runs(some, value=column)
        else:
            yield of_runs(some, prefix=(str(experiments[start]),))


def _bounds(column: ColumnElement[Any], tests: Sequence[tuple[str, Test]]) -> tuple[Bound, ...]:
    return tuple((operator, test(column)) for operator, test in tests)


def _by_metric(
    connection: Connection, scope: Scope, key: str, tests: Sequence[tuple[str, Test]]
) -> Iterator[list[Lane]]:
    key_id = metric_keys.find(connection, [key]).get(key)
    if key_id is None:
        yield of_runs(scope, prefix=(2, 0.0))
        return
    table = schema.latest_metrics.alias()
    of_key = table.c.key_id == key_id
    value = table.c.value
    number = and_(of_key, table.c.is_nan == false())
    yield _beside(scope, table, number, prefix=(0,), value=value, bounds=_bounds(value, tests))
    if not tests:
        # NaN is kept as zero; saying so makes the start the next column of the index.
        nan = and_(of_key, table.c.is_nan == true(), value == 0.0)
        yield _beside(scope, table, nan, prefix=(1, 0.0))
        other = schema.latest_metrics.alias()
        has = exists(literal(1)).where(other.c.run_id == RUNS.c.id, other.c.key_id == key_id)
        yield of_runs(scope, prefix=(2, 0.0), hidden=~has)


def _by_text(scope: Scope, of: Table, key: str) -> Iterator[list[Lane]]:
    table, other = of.alias(), of.alias()
    yield _beside(scope, table, table.c.key == key, prefix=(0,), value=table.c.head)
    has = exists(literal(1)).where(other.c.run_id == RUNS.c.id, other.c.key == key)
    yield of_runs(scope, prefix=(1, ""), hidden=~has)


def range_of(
    connection: Connection, scope: Scope, comparison: Comparison, test: Test
) -> tuple[ColumnElement[int], ColumnElement[int], ColumnElement[bool]] | None:
    """The entries of one index among which all runs are for which `comparison` is true: id, start, condition.

    None where no index knows. Some of the entries may be of other runs.
    """
    key = comparison.key
    if comparison.operator == "IS NULL":
        return None
    if comparison.entity == "metric":
        table = schema.latest_metrics.alias()
        key_id = metric_keys.find(connection, [key]).get(key)
        passes = metric_test(table.c.value, table.c.is_nan, comparison.operator, test)
        where = false() if key_id is None else and_(table.c.key_id == key_id, passes)
        return table.c.run_id, table.c.start_ms, and_(table.c.experiment_id.in_(scope.experiments), where)
    if comparison.entity in TEXTS:
        texts = TEXTS[comparison.entity].alias()
        where = and_(
            texts.c.experiment_id.in_(scope.experiments),
            texts.c.key == key,
            _head_may_pass(texts.c.head, comparison, test),
        )
        return texts.c.run_id, texts.c.start_ms, where
    if comparison.entity == "attribute":
        return _range_of_attribute(scope, comparison, test)
    return None


def _range_of_attribute(
    scope: Scope, comparison: Comparison, test: Test
) -> tuple[ColumnElement[int], ColumnElement[int], ColumnElement[bool]] | None:
    runs = RUNS.alias()
    in_scope = and_(runs.c.experiment_id.in_(scope.experiments), runs.c.deleted.in_(scope.deleted))
    key = comparison.key
    if key == "run_id":
        exact = comparison.operator in ("=", "IN")
        return (runs.c.id, runs.c.start_ms, test(runs.c.uuid)) if exact else None
    if key in INDEXED_TEXTS:
        head = runs.c[str(INDEXED_TEXTS[key].key)]
        # True of every text: a bound of the index that holds it, of which SQLite would take any other.
        passes = and_(head >= "", _head_may_pass(head, comparison, test))
    elif key == "start_time":
        passes = test(runs.c.start_ms)
    elif key == "end_time":
        passes = and_(runs.c.end_ms.is_not(None), test(runs.c.end_ms))
    else:
        return None
    return runs.c.id, runs.c.start_ms, and_(in_scope, passes)


def _head_may_pass(head: ColumnElement[str], comparison: Comparison, test: Test) -> ColumnElement[bool]:
    """Whether a text may pass, judged by its first characters, which are all that the index has."""
    length = _indexed_length(head)
    match comparison.operator, comparison.value:
        case "=", str(text):
            return head == text[:length]
        case "IN", tuple(texts):
            return head.in_([text[:length] for text in texts])
        case "LIKE", str(pattern):
            start = pattern.partition("%")[0].partition("_")[0][:length]
            bounds = and_(head >= start, head < start + _HIGHEST) if start else true()
            return and_(bounds, _long_or(head, test))
        case "IS NOT NULL", _:
            return true()
        case _:
            return _long_or(head, test)


def _long_or(head: ColumnElement[str], test: Test) -> ColumnElement[bool]:
    return test(head) | (func.length(head) >= schema.HEAD_LENGTH)
