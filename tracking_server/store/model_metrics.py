"""The metrics of logged models: every point, and the series that they are of.

A series is one metric of a model, measured by one run on one dataset or on none. Its row knows the latest
point, the lowest and the highest, so that searches read no points. The later of two points has the later
timestamp, then the higher step, then the higher value. Identical points are one.

Every function works inside the caller's transaction; `store` belongs to the writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.engine import Row

from tracking_server.errors import NotFound
from tracking_server.store.metric_points import MetricPoint
from tracking_server.store.records import Metric, stored_float, wire_float
from tracking_server.store.schema import logged_model_metrics as series
from tracking_server.store.schema import logged_model_points as points
from tracking_server.store.schema import logged_models, runs
from tracking_server.store.upsert import insert_missing, insert_missing_tuples

MOST_IN_REPLY = 25_000
"""No reply has more points than these: of a model with more, only the latest of each series is told."""

_Name = tuple[int, str, int, str, str]
"""Which series: the columns of `_NAME`."""
_Value = tuple[int, int, float, bool]
"""A point of a series: the columns of `_VALUE`."""
_NAME = ("model_id", "key", "run_id", "dataset_name", "dataset_digest")
_VALUE = ("timestamp_ms", "step", "value", "is_nan")

_OF_MODELS: BindParameter[Sequence[int]] = bindparam("models", expanding=True)
_MOST: BindParameter[int] = bindparam("most")
_MODELS = select(
    logged_models.c.uuid, logged_models.c.id, logged_models.c.experiment_id, logged_models.c.created_at_ms
).where(logged_models.c.uuid.in_(bindparam("uuids", expanding=True)))
# Locked: another process may be about to sum up other points of the same series.
_STORED = (
    select(series)
    .where(
        series.c.run_id == bindparam("run"),
        series.c.model_id.in_(_OF_MODELS),
        series.c.key.in_(bindparam("keys", expanding=True)),
    )
    .order_by(series.c.id)
    .with_for_update()
)
_CHANGE = update(series).where(series.c.id == bindparam("series"))
_NUMBER = select(func.count()).select_from(
    select(points.c.series_id)
    .join(series, series.c.id == points.c.series_id)
    .where(series.c.model_id.in_(_OF_MODELS))
    .limit(_MOST)
    .subquery()
)
_IN_ORDER = [series.c[name] for name in _NAME]
_TOLD = (series.c.model_id, series.c.key, runs.c.uuid, series.c.dataset_name, series.c.dataset_digest)
_ALL = (
    select(*_TOLD, *(points.c[name] for name in _VALUE))
    .join(runs, runs.c.id == series.c.run_id)
    .join(points, points.c.series_id == series.c.id)
    .where(series.c.model_id.in_(_OF_MODELS))
    .order_by(*_IN_ORDER, *points.primary_key)
)
_LATEST = (
    select(*_TOLD, *(series.c[name] for name in _VALUE))
    .join(runs, runs.c.id == series.c.run_id)
    .where(series.c.model_id.in_(_OF_MODELS))
    .order_by(*_IN_ORDER)
    .limit(_MOST)
)


def store(connection: Connection, run: Row[Any], new: Sequence[MetricPoint]) -> None:
    """Store points of a run (its row) that name a logged model each. Raises NotFound for an unknown one."""
    if not new:
        return
    models = _models(connection, {point.model_id for point in new if point.model_id})
    values: dict[_Name, list[_Value]] = {}
    for point in new:
        if point.model_id:
            model = models[point.model_id]
            name = (model.id, point.key, run.id, point.dataset_name or "", point.dataset_digest or "")
            values.setdefault(name, []).append((point.timestamp_ms, point.step, *stored_float(point.value)))
    copies = {
        model.id: {"experiment_id": model.experiment_id, "created_at_ms": model.created_at_ms}
        for model in models.values()
    }
    first = [
        {**dict(zip(_NAME, name, strict=True)), **_summary(values[name]), **copies[name[0]]}
        for name in values
    ]
    insert_missing(connection, series, first)
    _add(connection, run.id, values)


def _models(connection: Connection, uuids: Iterable[str]) -> dict[str, Row[Any]]:
    wanted = sorted(uuids)
    found: dict[str, Any] = {row.uuid: row for row in connection.execute(_MODELS, {"uuids": wanted})}
    for uuid in wanted:
        if uuid not in found:
            raise NotFound(f"Logged model with ID '{uuid[:300]}' not found.")
    return found


def _add(connection: Connection, run: int, values: Mapping[_Name, list[_Value]]) -> None:
    """Add points to their series, which are there."""
    names = {"models": sorted({name[0] for name in values}), "keys": sorted({name[1] for name in values})}
    rows: list[tuple[int, int, int, float, bool]] = []
    changed: list[dict[str, Any]] = []
    for row in connection.execute(_STORED, {"run": run, **names}).all():
        name = (row.model_id, row.key, row.run_id, row.dataset_name, row.dataset_digest)
        added = values.get(name, [])
        rows.extend((row.id, *value) for value in added)
        summary = _summary(added, row)
        if any(getattr(row, column) != value for column, value in summary.items()):
            changed.append({"series": row.id, **summary})
    if changed:
        connection.execute(_CHANGE, changed)
    insert_missing_tuples(connection, points, ("series_id", *_VALUE), rows)


def _summary(added: Sequence[_Value], row: Row[Any] | None = None) -> dict[str, Any]:
    """What the row of a series says when these points are added to those that it has summed up so far."""
    latest = list(added)
    numbers = [value for _, _, value, is_nan in added if not is_nan]
    has_nan = len(numbers) < len(added)
    if row is not None:
        latest.append((row.timestamp_ms, row.step, row.value, bool(row.is_nan)))
        numbers += [number for number in (row.lowest, row.highest) if number is not None]
        has_nan = has_nan or bool(row.has_nan)
    return {
        **dict(zip(_VALUE, max(latest), strict=True)),
        "lowest": min(numbers, default=None),
        "highest": max(numbers, default=None),
        "has_nan": has_nan,
    }


def of_models(connection: Connection, models: Mapping[int, str], most: int) -> dict[int, list[Metric]]:
    """The points of logged models (uuids by id), sorted by key, run, dataset and time.

    All points of each where they are at most `most`; otherwise the latest of each series, `most` at most.
    """
    found: dict[int, list[Metric]] = {model: [] for model in models}
    large = _large(connection, list(models), most)
    small = [model for model in models if model not in large]
    rows = list(connection.execute(_ALL, {"models": small})) if small else []
    for model in large:
        rows.extend(connection.execute(_LATEST, {"models": [model], "most": most}))
    for row in rows:
        found[row.model_id].append(_metric(row, models[row.model_id]))
    return found


def _large(connection: Connection, models: Sequence[int], most: int) -> set[int]:
    """Those that have more than `most` points; nothing is counted further than that."""

    def more(of: Sequence[int]) -> bool:
        asked = {"models": of, "most": most + 1}
        return bool(of) and connection.execute(_NUMBER, asked).scalar_one() > most

    return {model for model in models if more([model])} if more(models) else set()


def _metric(row: Row[Any], model_id: str) -> Metric:
    return Metric(
        key=row.key,
        value=wire_float(row.value, row.is_nan),
        timestamp=row.timestamp_ms,
        step=row.step,
        model_id=model_id,
        dataset_name=row.dataset_name or None,
        dataset_digest=row.dataset_digest or None,
        run_id=row.uuid,
    )


def on_datasets(datasets: Sequence[tuple[str, str | None]]) -> ColumnElement[bool]:
    """Whether a series was measured on one of these: name, and digest or None for any."""
    return or_(*(on_dataset(series, name, digest) for name, digest in datasets))


def on_dataset(of: Any, name: str | None, digest: str | None) -> ColumnElement[bool]:
    """Whether a series (the table or an alias of it) is of this dataset; None is any."""
    return and_(
        true() if name is None else of.c.dataset_name == name,
        true() if digest is None else of.c.dataset_digest == digest,
    )


def latest_number(measure: tuple[str, str | None, str | None]) -> ColumnElement[float]:
    """The latest value of a metric (name, dataset, digest) of a logged model; NULL where NaN or missing."""
    name, *dataset = measure
    number: ColumnElement[float] = case((series.c.is_nan == true(), None), else_=series.c.value)
    return (
        select(number)
        .where(series.c.model_id == logged_models.c.id, series.c.key == name, on_dataset(series, *dataset))
        .order_by(*(column.desc() for column in rank(series)))
        .limit(1)
        .correlate(logged_models)
        .scalar_subquery()
    )


def rank(of: Any) -> tuple[ColumnElement[Any], ...]:
    """What makes one series of a model and metric speak for all of them: the largest, which is the latest."""
    return of.c.timestamp_ms, of.c.step, of.c.value, of.c.id


def measured_on(datasets: Sequence[tuple[str, str | None]]) -> ColumnElement[bool]:
    """Whether a logged model has a metric on one of these datasets: name, and digest or None for any."""
    return exists().where(series.c.model_id == logged_models.c.id, on_datasets(datasets))
