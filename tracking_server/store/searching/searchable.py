"""Where each searchable thing keeps what filters and orders speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from tracking_server.query.tree import Comparison, OrderKey
from tracking_server.store import metric_keys, model_metrics, schema
from tracking_server.store.logged_models import STATUSES
from tracking_server.store.searching.order import SortKey

Test = Callable[[ColumnElement[Any]], ColumnElement[bool]]
Measure = tuple[str, "str | None", "str | None"]
"""A metric of a logged model: its name, and the dataset's name and digest, each None for any."""

MetricCondition = Callable[[Comparison, Test], ColumnElement[bool]]
MetricOrder = Callable[[Select[Any], str], tuple[ColumnElement[Any], ColumnElement[Any], Select[Any]]]


def _exists(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(*where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Searchable:
    """A kind of thing: its attributes as columns, and where its texts and metrics are.

    `heads` are the columns that decide the order of long attributes. `texts` maps an entity to (table, its
    column that points at the thing), and `has` asks whether the thing has a row there that passes. `metric`
    makes the condition on a metric.
    """

    row_id: ColumnElement[int]
    attributes: Mapping[str, ColumnElement[Any]]
    heads: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    nullable: frozenset[str] = frozenset()
    texts: Mapping[str, tuple[Table, Column[int]]] = field(default_factory=dict)
    has: Callable[..., ColumnElement[bool]] = _exists
    metric: MetricCondition | None = None
    metric_order: MetricOrder | None = None
    dataset: Callable[[str, Test], ColumnElement[bool]] | None = None
    tie_breakers: Sequence[SortKey]

    def compare(self, comparison: Comparison, test: Test) -> ColumnElement[bool]:
        """One comparison as SQL that is true or false, never NULL."""
        key = comparison.key
        if comparison.entity == "attribute":
            column = self.attributes[key]
            return and_(column.is_not(None), test(column)) if key in self.nullable else test(column)
        if comparison.entity == "metric":
            assert self.metric is not None
            return self.metric(comparison, test)
        if comparison.entity == "dataset":
            assert self.dataset is not None
            return self.dataset(key, test)
        table, owner = self.texts[comparison.entity]
        found = self.has(owner == self.row_id, table.c.key == key, test(table.c.value))
        return ~found if comparison.operator == "IS NULL" else found

    def ordered(self, key: OrderKey) -> ColumnElement[Any]:
        """What decides the place of a thing in the order of an attribute."""
        return self.heads.get(key.key, self.attributes.get(key.key, literal(0)))

    def sort_keys(self, statement: Select[Any], key: OrderKey) -> tuple[list[SortKey], Select[Any]]:
        """The sort keys for one key of an order, and `statement` with the joins that they need."""
        if key.entity == "attribute":
            column = self.ordered(key)
            if key.key in self.heads:
                # Not the computed column: where an index has all else, MariaDB sorts by an empty one.
                column = func.substr(self.attributes[key.key], 1, schema.HEAD_LENGTH, type_=String)
            if key.key not in self.nullable:
                return [SortKey(expression=column, ascending=key.ascending)], statement
            return _absent_last(column, key), statement
        if key.entity == "metric":
            assert self.metric_order is not None
            rank, value, statement = self.metric_order(statement, key.key)
            return [SortKey(expression=rank), SortKey(expression=value, ascending=key.ascending)], statement
        table, owner = self.texts[key.entity]
        alias = table.alias()
        statement = statement.outerjoin(
            alias, and_(alias.c[owner.name] == self.row_id, alias.c.key == key.key)
        )
        return _absent_last(alias.c.get("head", alias.c.value), key), statement


def _absent_last(column: ColumnElement[Any], key: OrderKey) -> list[SortKey]:
    nothing: Any = "" if isinstance(column.type, String) else 0
    return [
        SortKey(expression=case((column.is_(None), 1), else_=0)),
        SortKey(expression=func.coalesce(column, nothing), ascending=key.ascending),
    ]


def metric_test(value: ColumnElement[float], is_nan: ColumnElement[bool], operator: str, test: Test) -> Any:
    """NaN differs from every number and is nothing else."""
    if operator == "!=":
        return or_(is_nan == true(), test(value))
    return and_(is_nan == false(), test(value))


def _looked_up(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row passes, looked up for each run that is tested.

    With EXISTS, PostgreSQL would gather all such rows of the store before it tests the first run.
    """
    return select(literal(1)).where(*where).limit(1).scalar_subquery().is_not(None)


def runs(connection: Connection) -> Searchable:
    """Runs. Metric names are looked up in `connection` first, so that the query can use their ids."""
    table = schema.runs
    latest = schema.latest_metrics

    def metric(comparison: Comparison, test: Test) -> ColumnElement[bool]:
        key_id = metric_keys.find(connection, [comparison.key]).get(comparison.key)
        if key_id is None:
            return false()
        return _looked_up(
            latest.c.run_id == table.c.id,
            latest.c.key_id == key_id,
            metric_test(latest.c.value, latest.c.is_nan, comparison.operator, test),
        )

    def metric_order(statement: Select[Any], key: str) -> Any:
        key_id = metric_keys.find(connection, [key]).get(key, -1)
        alias = latest.alias()
        joined = statement.outerjoin(alias, and_(alias.c.run_id == table.c.id, alias.c.key_id == key_id))
        rank = case((alias.c.value.is_(None), 2), (alias.c.is_nan == true(), 1), else_=0)
        return rank, func.coalesce(alias.c.value, 0.0), joined

    return Searchable(
        row_id=table.c.id,
        attributes={
            "run_id": table.c.uuid,
            "run_name": table.c.name,
            "status": table.c.status,
            "artifact_uri": table.c.artifact_uri,
            "user_id": table.c.user_id,
            "experiment_id": cast(table.c.experiment_id, String),
            "start_time": table.c.start_ms,
            "end_time": table.c.end_ms,
        },
        heads={"run_name": table.c.name_head},
        nullable=frozenset({"end_time"}),
        texts={
            "param": (schema.params, schema.params.c.run_id),
            "tag": (schema.run_tags, schema.run_tags.c.run_id),
        },
        has=_looked_up,
        metric=metric,
        metric_order=metric_order,
        dataset=_run_dataset,
        tie_breakers=(
            SortKey(expression=table.c.start_ms, ascending=False),
            SortKey(expression=table.c.id, ascending=False),
        ),
    )


def _run_dataset(key: str, test: Test) -> ColumnElement[bool]:
    """Whether a run read a dataset whose name, digest or use ("context") passes."""
    used = schema.run_datasets
    if key == "context":
        tags = schema.run_dataset_tags
        return exists().where(
            tags.c.run_id == schema.runs.c.id, tags.c.key == "mlflow.data.context", test(tags.c.value)
        )
    datasets = schema.datasets
    return exists(
        select(literal(1))
        .select_from(used.join(datasets, datasets.c.id == used.c.dataset_id))
        .where(used.c.run_id == schema.runs.c.id, test(datasets.c[key]))
        .correlate(schema.runs)
    )


def experiments() -> Searchable:
    """Experiments."""
    table = schema.experiments
    return Searchable(
        row_id=table.c.id,
        attributes={
            "experiment_id": cast(table.c.id, String),
            "name": table.c.name,
            "creation_time": table.c.created_at_ms,
            "last_update_time": table.c.updated_at_ms,
        },
        texts={"tag": (schema.experiment_tags, schema.experiment_tags.c.experiment_id)},
        tie_breakers=(
            SortKey(expression=table.c.updated_at_ms, ascending=False),
            SortKey(expression=table.c.id),
        ),
    )


def logged_models(
    datasets: Sequence[tuple[str, str | None]], measures: Mapping[str, Measure] | None = None
) -> Searchable:
    """Logged models; comparisons with metrics count only those measured on `datasets` (name, digest).

    As in MLflow, a comparison is true of a model where it is true of any point of the metric; the latest
    decides its place in an order. `measures` are names in an order that stand for a metric on a dataset.
    """
    table = schema.logged_models
    series = schema.logged_model_metrics

    def metric(comparison: Comparison, test: Test) -> ColumnElement[bool]:
        return exists().where(
            series.c.model_id == table.c.id,
            series.c.key == comparison.key,
            model_metrics.on_datasets(datasets) if datasets else true(),
            _any_point(comparison, test),
        )

    def metric_order(statement: Select[Any], key: str) -> Any:
        value = model_metrics.latest_number((measures or {}).get(key, (key, None, None)))
        return case((value.is_(None), 1), else_=0), func.coalesce(value, 0.0), statement

    return Searchable(
        row_id=table.c.id,
        attributes={
            "model_id": table.c.uuid,
            "name": table.c.name,
            "model_type": table.c.model_type,
            "status": case(
                *((table.c.status == number, name) for number, name in enumerate(STATUSES)), else_=""
            ),
            "source_run_id": table.c.source_run_uuid,
            "experiment_id": cast(table.c.experiment_id, String),
            "creation_timestamp": table.c.created_at_ms,
            "last_updated_timestamp": table.c.updated_at_ms,
        },
        texts={
            "param": (schema.logged_model_params, schema.logged_model_params.c.model_id),
            "tag": (schema.logged_model_tags, schema.logged_model_tags.c.model_id),
        },
        metric=metric,
        metric_order=metric_order,
        tie_breakers=(
            SortKey(expression=table.c.created_at_ms, ascending=False),
            SortKey(expression=table.c.id, ascending=False),
        ),
    )


def _any_point(comparison: Comparison, test: Test) -> ColumnElement[bool]:
    """Whether any point of a series passes; only whether one is equal to a number is in no summary."""
    series, points = schema.logged_model_metrics.c, schema.logged_model_points.c
    match comparison.operator:
        case "<" | "<=":
            return test(series.lowest)
        case ">" | ">=":
            return test(series.highest)
        case "!=":  # NaN differs from every number
            return or_(series.has_nan == true(), test(series.lowest), test(series.highest))
        case _:
            equal = exists().where(
                points.series_id == series.id, points.is_nan == false(), test(points.value)
            )
            return and_(series.lowest <= comparison.value, series.highest >= comparison.value, equal)
