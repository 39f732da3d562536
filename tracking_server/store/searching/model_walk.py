"""Logged models in the order of a metric, from an index of its values: every page costs about what it shows.

Models whose latest value is a number come first, from the index of series; a series that is not the latest of
its model is passed over. Those without a number follow, from the listing, newest first. Each experiment adds
its part of a page. Where a filter passes none or few of the first WINDOW series, the walk is given up: going
through all models in the order they lie in, and sorting what passes, is faster then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, select, true, tuple_
from sqlalchemy.engine import Row

from tracking_server.query.parser import parse_filter, parse_order
from tracking_server.query.tree import EVERYTHING, OrderKey
from tracking_server.query.vocabulary import LOGGED_MODELS
from tracking_server.store import model_metrics, schema
from tracking_server.store.opaque import opaque
from tracking_server.store.searching import page_token
from tracking_server.store.searching.order import Position, SortKey, beyond, checked, sorting, sql_order
from tracking_server.store.searching.paging import SearchRequest, passes
from tracking_server.store.searching.searchable import Measure, Searchable

MODELS = schema.logged_models
MANY = 100
"""Of more experiments than these, the walks of all would cost more than sorting their models."""
WINDOW = 5_000
"""So many series of an experiment are tested by a filter before the walk is given up."""
_Found = tuple[Any, ...]
"""The sort keys of a model: 0 and its value, or 1 and nothing; what else was asked for; creation and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked: up to `need` models that are seen and pass, in order, after the last one told."""

    connection: Connection
    experiments: Sequence[int]
    thing: Searchable
    measure: Measure
    seen: ColumnElement[bool]
    passes: ColumnElement[bool]
    is_filtered: bool
    order: Sequence[OrderKey]
    ascending: Sequence[bool]
    after: Position | None
    need: int


def page_by_metric(
    connection: Connection,
    experiments: Sequence[int],
    request: SearchRequest,
    thing: Searchable,
    measure: Measure,
    *,
    seen: ColumnElement[bool],
    measured: ColumnElement[bool] | None,
    about: object,
) -> tuple[list[Any], str | None] | None:
    """The rows of a page by `measure`, which the first key of the order names, and the token of the next.

    `seen` and `measured` are true of every model there: whether deleted, and on which datasets measured.
    None where the walk is given up: `paging.page_of` has the same order and tokens. Raises InvalidParameter.
    """
    if len(experiments) > MANY:
        return None
    tree = parse_filter(request.filter, LOGGED_MODELS)
    order = parse_order(request.order_by, LOGGED_MODELS)
    asked = [about, request.filter, request.order_by, request.view]
    keys = (*_keys_of(thing, select(), order)[1], *thing.tie_breakers)
    question = _Question(
        connection=connection,
        experiments=experiments,
        thing=thing,
        measure=measure,
        seen=seen,
        passes=and_(true() if measured is None else measured, passes(tree, thing)),
        is_filtered=tree != EVERYTHING or measured is not None or measure[1:] != (None, None),
        order=order,
        ascending=[key.ascending for key in keys],
        after=checked(page_token.read(request.page_token, about=asked), keys) if request.page_token else None,
        need=request.max_results + 1,
    )
    found = _answer(question)
    if found is None:
        return None
    rows = _rows(connection, [row[-1] for row in found[: request.max_results]])
    if len(found) < question.need:
        return rows, None
    return rows, page_token.write(list(found[request.max_results - 1]), about=asked)


def _answer(question: _Question) -> list[_Found] | None:
    """Up to `need` models in order; None where the walk is given up."""
    after = question.after
    found: list[_Found] = []
    if after is None or after[0] == 0:
        for experiment in question.experiments:
            part = _with_number(question, experiment, None if after is None else after[1:])
            if part is None:
                return None
            found = _merged(question, found, ((0, *row) for row in part))
    if len(found) < question.need:
        beyond_here = None if after is None or after[0] == 0 else after[2:]
        for experiment in question.experiments:
            rows = _without_number(question, experiment, beyond_here)
            found = _merged(question, found, ((1, 0.0, *row) for row in rows))
    return found


def _merged(question: _Question, found: list[_Found], more: Iterable[_Found]) -> list[_Found]:
    """Up to `need` of all. There may be thousands of experiments: memory is bounded by the page."""
    return sorted([*found, *more], key=sorting(question.ascending))[: question.need]


def _with_number(question: _Question, experiment: int, after: Position | None) -> list[Row[Any]] | None:
    """Models whose latest value is a number: the sort keys from that on; None where the walk is given up."""
    series = schema.logged_model_metrics.alias()
    upwards = question.order[0].ascending
    in_range = and_(
        series.c.experiment_id == experiment,
        series.c.key == question.measure[0],
        series.c.is_nan == false(),
    )
    edge = _edge(question, series, in_range, after)
    found = select().select_from(series.join(MODELS, MODELS.c.id == series.c.model_id))
    statement, others = _keys_of(question.thing, found, question.order[1:])
    statement = statement.where(
        in_range, opaque(and_(question.seen, question.passes, _speaks(series, question.measure)))
    )
    if edge is not None:
        statement = statement.where(series.c.value <= edge if upwards else series.c.value >= edge)
    value = SortKey(expression=series.c.value, ascending=upwards)
    created = SortKey(expression=series.c.created_at_ms, ascending=False)
    made = SortKey(expression=series.c.model_id, ascending=False)
    rows = _in_order(question, statement, [value, *others, created, made], after)
    return rows if edge is None or len(rows) == question.need else None


def _edge(
    question: _Question, series: Any, in_range: ColumnElement[bool], after: Position | None
) -> float | None:
    """The value at which the window over a range ends; None where the range ends before, or all pass."""
    if not question.is_filtered:
        return None
    value = SortKey(expression=series.c.value, ascending=question.order[0].ascending)
    values = select(series.c.value).where(in_range)
    if after is not None:
        values = values.where(
            value.expression >= after[0] if value.ascending else value.expression <= after[0]
        )
    window = values.order_by(*sql_order([value])).limit(WINDOW + 1).subquery()
    furthest = func.max(window.c.value) if value.ascending else func.min(window.c.value)
    edge, number = question.connection.execute(select(furthest, func.count()).select_from(window)).one()
    return edge if number > WINDOW else None


def _without_number(question: _Question, experiment: int, after: Position | None) -> list[Row[Any]]:
    """Models without such a value: their sort keys after those that all of them share."""
    series = schema.logged_model_metrics.alias()
    has_number = exists().where(
        series.c.model_id == MODELS.c.id,
        series.c.key == question.measure[0],
        series.c.is_nan == false(),
        _speaks(series, question.measure),
    )
    statement, others = _keys_of(question.thing, select().select_from(MODELS), question.order[1:])
    statement = statement.where(
        MODELS.c.experiment_id == experiment, question.seen, opaque(and_(question.passes, ~has_number))
    )
    return _in_order(question, statement, [*others, *question.thing.tie_breakers], after)


def _speaks(series: Any, measure: Measure) -> ColumnElement[bool]:
    """Whether no other series of the model is of the same measure and later."""
    name, *dataset = measure
    other = schema.logged_model_metrics.alias()
    later = exists().where(
        other.c.model_id == series.c.model_id,
        other.c.key == name,
        model_metrics.on_dataset(other, *dataset),
        tuple_(*model_metrics.rank(other)) > tuple_(*model_metrics.rank(series)),
    )
    return and_(model_metrics.on_dataset(series, *dataset), ~later)


def _keys_of(
    thing: Searchable, statement: Select[Any], order: Sequence[OrderKey]
) -> tuple[Select[Any], list[SortKey]]:
    """`statement` with the joins that the sort keys of `order` need, and those keys."""
    keys: list[SortKey] = []
    for key in order:
        added, statement = thing.sort_keys(statement, key)
        keys.extend(added)
    return statement, keys


def _in_order(
    question: _Question, statement: Select[Any], keys: Sequence[SortKey], after: Position | None
) -> list[Row[Any]]:
    if after is not None:
        statement = statement.where(beyond(keys, after))
    labels = [key.expression.label(f"sort_{number}") for number, key in enumerate(keys)]
    statement = statement.add_columns(*labels).order_by(*sql_order(keys)).limit(question.need)
    return list(question.connection.execute(statement))


def _rows(connection: Connection, ids: Sequence[int]) -> list[Any]:
    """The rows of logged models, in this order."""
    found = {row.id: row for row in connection.execute(select(MODELS).where(MODELS.c.id.in_(ids)))}
    return [found[model] for model in ids]
