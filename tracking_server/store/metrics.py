"""Metric points: storing them, the latest of each, and their history.

Every function works inside the caller's transaction; those that change something belong to the writer.
Identical points (same key, timestamp, step and value) are one point: they are the primary key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, false, func, or_, select, true, tuple_
from sqlalchemy.engine import Row

from tracking_server.store import logged_models, metric_keys
from tracking_server.store.records import Metric, stored_float, wire_float
from tracking_server.store.schema import latest_metrics, metrics
from tracking_server.store.schema import metric_keys as keys
from tracking_server.store.upsert import insert_missing, insert_or_update

_LATEST = (
    select(
        latest_metrics.c.run_id,
        keys.c.name,
        latest_metrics.c.value,
        latest_metrics.c.is_nan,
        latest_metrics.c.timestamp_ms,
        latest_metrics.c.step,
    )
    .join(keys, keys.c.id == latest_metrics.c.key_id)
    .where(latest_metrics.c.run_id.in_(bindparam("runs", expanding=True)))
    .order_by(latest_metrics.c.run_id, keys.c.name)
)
_HISTORY_ORDER = (metrics.c.timestamp_ms, metrics.c.step, metrics.c.value, metrics.c.is_nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One value of one metric as a client logged it. `model_id` and the dataset tie it to a logged model."""

    key: str
    value: float
    timestamp_ms: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


Cursor = tuple[int, int, float, bool]
"""Where a page of a history ended: timestamp, step, value, is NaN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Some points of one metric in order; `next` is where to go on, or None at the end."""

    points: tuple[Metric, ...]
    next: Cursor | None


def newer(row: Any) -> ColumnElement[bool]:
    """Whether a new row is a later point than the stored one, by step, timestamp and value."""
    return tuple_(row.step, row.timestamp_ms, row.value) > tuple_(
        latest_metrics.c.step, latest_metrics.c.timestamp_ms, latest_metrics.c.value
    )


def store(connection: Connection, run: Row[Any], points: Sequence[MetricPoint]) -> None:
    """Store `points` of a run (its row of the table `runs`) and keep the latest of each metric."""
    ids = metric_keys.ensure(connection, {point.key for point in points})
    rows: list[dict[str, Any]] = []
    latest: dict[int, dict[str, Any]] = {}
    for point in points:
        value, is_nan = stored_float(point.value)
        row = {
            "run_id": run.id,
            "key_id": ids[point.key],
            "timestamp_ms": point.timestamp_ms,
            "step": point.step,
            "value": value,
            "is_nan": is_nan,
        }
        rows.append(row)
        best = latest.get(row["key_id"])
        if best is None or _rank(row) > _rank(best):
            latest[row["key_id"]] = row
    insert_missing(connection, metrics, rows)
    insert_or_update(
        connection,
        latest_metrics,
        [{**row, "experiment_id": run.experiment_id} for row in latest.values()],
        where=newer,
    )
    logged_models.store_metrics(connection, run, [point for point in points if point.model_id])


def _rank(row: dict[str, Any]) -> tuple[int, int, float]:
    return row["step"], row["timestamp_ms"], row["value"]


def latest(connection: Connection, runs: Sequence[int]) -> dict[int, list[Metric]]:
    """The latest point of every metric for each of `runs` (ids of the table `runs`), sorted by name."""
    grouped: dict[int, list[Metric]] = {run: [] for run in runs}
    for run, name, value, is_nan, timestamp_ms, step in connection.execute(_LATEST, {"runs": runs}):
        grouped[run].append(
            Metric(key=name, value=wire_float(value, is_nan), timestamp=timestamp_ms, step=step)
        )
    return grouped


def history(
    connection: Connection, run: int, key: str, *, limit: int | None, after: Cursor | None = None
) -> HistoryPage:
    """A page of the points of one metric, by timestamp, step and value; without a `limit`, all of them."""
    key_id = metric_keys.find(connection, [key]).get(key)
    if key_id is None:
        return HistoryPage(points=(), next=None)
    statement = select(*_HISTORY_ORDER).where(metrics.c.run_id == run, metrics.c.key_id == key_id)
    if after is not None:
        statement = statement.where(_beyond(after))
    statement = statement.order_by(*_HISTORY_ORDER)
    if limit is not None:
        statement = statement.limit(limit + 1)
    rows = connection.execute(statement).all()
    more = limit is not None and len(rows) > limit
    rows = rows[:limit] if more else rows
    last = rows[-1] if more else None
    return HistoryPage(
        points=tuple(_point(key, row) for row in rows),
        next=None if last is None else (last.timestamp_ms, last.step, last.value, bool(last.is_nan)),
    )


def _beyond(after: Cursor) -> ColumnElement[bool]:
    timestamp_ms, step, value, is_nan = after
    rest = and_(
        metrics.c.timestamp_ms == timestamp_ms,
        or_(
            metrics.c.step > step,
            and_(
                metrics.c.step == step,
                or_(
                    metrics.c.value > value,
                    and_(metrics.c.value == value, false() if is_nan else metrics.c.is_nan == true()),
                ),
            ),
        ),
    )
    # The first comparison is implied by the second; it gives the database a range of its primary key.
    return and_(metrics.c.timestamp_ms >= timestamp_ms, or_(metrics.c.timestamp_ms > timestamp_ms, rest))


def _point(key: str, row: Any, run_id: str | None = None) -> Metric:
    return Metric(
        key=key,
        value=wire_float(row.value, row.is_nan),
        timestamp=row.timestamp_ms,
        step=row.step,
        run_id=run_id,
    )


def bulk_history(
    connection: Connection, runs: Iterable[tuple[int, str]], key: str, *, limit: int
) -> Iterator[Metric]:
    """The first `limit` points of one metric over several runs (id, uuid), run after run."""
    left = limit
    for run, uuid in sorted(runs, key=lambda pair: pair[1]):
        if left <= 0:
            return
        page = history(connection, run, key, limit=left)
        left -= len(page.points)
        for point in page.points:
            yield Metric(key=key, value=point.value, timestamp=point.timestamp, step=point.step, run_id=uuid)


def sampled(
    connection: Connection,
    run: tuple[int, str],
    key: str,
    *,
    limit: int,
    steps: tuple[int, int] | None = None,
) -> list[Metric]:
    """At most `limit` points of one metric of a run (id, uuid), evenly spaced over those in `steps`.

    Ordered by step, timestamp and value; the first and the last are always there.
    """
    key_id = metric_keys.find(connection, [key]).get(key)
    if key_id is None:
        return []
    of_run = and_(metrics.c.run_id == run[0], metrics.c.key_id == key_id)
    if steps is not None:
        of_run = and_(of_run, metrics.c.step.between(*steps))
    total = connection.execute(select(func.count()).select_from(metrics).where(of_run)).scalar_one()
    order = (metrics.c.step, metrics.c.timestamp_ms, metrics.c.value, metrics.c.is_nan)
    number = (func.row_number().over(order_by=order) - 1).label("number")
    numbered = select(*_HISTORY_ORDER, number).where(of_run).subquery()
    statement = select(numbered).order_by(numbered.c.number)
    if total > limit:
        wanted = _evenly(total, limit)
        statement = statement.where(numbered.c.number.in_(wanted))
    return [_point(key, row, run[1]) for row in connection.execute(statement)]


def _evenly(total: int, limit: int) -> list[int]:
    """`limit` of the numbers below `total`, evenly spaced, with the first and the last."""
    if limit == 1:
        return [total - 1]
    return [index * (total - 1) // (limit - 1) for index in range(limit)]
