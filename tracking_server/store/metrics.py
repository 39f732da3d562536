"""Metric points: storing them, the latest of each, and their history.

Every function works inside the caller's transaction; those that change something belong to the writer.
Identical points (same key, timestamp, step and value) are one point: they are the primary key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, true, tuple_
from sqlalchemy.engine import Row

from tracking_server.store import metric_keys, model_metrics
from tracking_server.store.metric_points import MetricPoint
from tracking_server.store.of_many import OfMany
from tracking_server.store.records import MAX_FLOAT, Metric, stored_float, wire_float
from tracking_server.store.schema import latest_metrics, metrics
from tracking_server.store.schema import metric_keys as keys
from tracking_server.store.upsert import insert_missing_tuples, insert_or_update

__all__ = ["MetricPoint"]  # what `store` takes is found beside it

_LATEST = OfMany(
    latest_metrics.c.run_id,
    select(
        latest_metrics.c.run_id,
        keys.c.name,
        latest_metrics.c.value,
        latest_metrics.c.is_nan,
        latest_metrics.c.timestamp_ms,
        latest_metrics.c.step,
    )
    .join(keys, keys.c.id == latest_metrics.c.key_id)
    .order_by(latest_metrics.c.run_id, keys.c.name),
)
_Stored = tuple[int, int, int, int, float, bool]
_COLUMNS = ("run_id", "key_id", "timestamp_ms", "step", "value", "is_nan")
_HISTORY_ORDER = (metrics.c.timestamp_ms, metrics.c.step, metrics.c.value, metrics.c.is_nan)


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
    run_id = run.id
    rows: list[_Stored] = []
    latest: dict[int, _Stored] = {}
    for point in points:
        value, is_nan, key_id = point.value, False, ids[point.key]
        if not -MAX_FLOAT <= value <= MAX_FLOAT:
            value, is_nan = stored_float(value)
        row = (run_id, key_id, point.timestamp_ms, point.step, value, is_nan)
        rows.append(row)
        best = latest.setdefault(key_id, row)
        if _rank(row) > _rank(best):
            latest[key_id] = row
    insert_missing_tuples(connection, metrics, _COLUMNS, rows)
    of_run = {"experiment_id": run.experiment_id, "start_ms": run.start_ms}
    newest = [{**dict(zip(_COLUMNS, row, strict=True)), **of_run} for row in latest.values()]
    insert_or_update(connection, latest_metrics, newest, where=newer)
    model_metrics.store(connection, run, [point for point in points if point.model_id])


def _rank(row: _Stored) -> tuple[int, int, float]:
    return row[3], row[2], row[4]


def latest(connection: Connection, runs: Sequence[int]) -> dict[int, list[Metric]]:
    """The latest point of every metric for each of `runs` (ids of the table `runs`), sorted by name."""
    grouped: dict[int, list[Metric]] = {run: [] for run in runs}
    for run, name, value, is_nan, timestamp_ms, step in _LATEST.rows(connection, runs):
        grouped[run].append(
            Metric(key=name, value=wire_float(value, is_nan), timestamp=timestamp_ms, step=step)
        )
    return grouped


def history(
    connection: Connection, run: int, key: str, *, limit: int, after: Cursor | None = None
) -> HistoryPage:
    """A page of at most `limit` points of one metric, by timestamp, step and value."""
    key_id = metric_keys.find(connection, [key]).get(key)
    if key_id is None:
        return HistoryPage(points=(), next=None)
    statement = select(*_HISTORY_ORDER).where(metrics.c.run_id == run, metrics.c.key_id == key_id)
    if after is not None:
        statement = statement.where(_beyond(after))
    rows = connection.execute(statement.order_by(*_HISTORY_ORDER).limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    rows = rows[:limit]
    return HistoryPage(
        points=tuple(
            Metric(key=key, value=wire_float(value, is_nan), timestamp=timestamp_ms, step=step)
            for timestamp_ms, step, value, is_nan in rows
        ),
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
    extent = select(func.count(), func.min(metrics.c.step), func.max(metrics.c.step)).where(of_run)
    total, lowest, highest = connection.execute(extent).one()
    if total <= limit:
        rows: list[Any] = list(connection.execute(select(*_HISTORY_ORDER).where(of_run)))
    else:
        # Numbered in the order of the primary key, which is that of the steps unless a run went back: nothing
        # is sorted but the sample.
        number = (func.row_number().over(order_by=_HISTORY_ORDER) - 1).label("number")
        numbered = select(*_HISTORY_ORDER, number).where(of_run).subquery()
        wanted = numbered.c.number.in_(_evenly(total, limit))
        rows = list(connection.execute(select(numbered).where(wanted)))
        rows = _with_ends(connection, of_run, rows, (lowest, highest), limit)
    rows.sort(key=lambda row: (row.step, row.timestamp_ms, row.value, row.is_nan))
    return [_point(key, row, run[1]) for row in rows]


def _with_ends(
    connection: Connection, of_run: ColumnElement[bool], rows: list[Any], ends: tuple[int, int], limit: int
) -> list[Any]:
    """A sample in which the first and the last step are, of a run that went back to earlier steps."""
    steps = {row.step for row in rows}
    missing = [step for step in ends if step not in steps]
    if limit == 1:
        return rows
    inner = [index for index, row in enumerate(rows) if row.step not in ends]
    for index, step in zip(inner[len(inner) // 3 :], missing, strict=False):
        of_step = select(*_HISTORY_ORDER).where(of_run, metrics.c.step == step).order_by(*_HISTORY_ORDER)
        rows[index] = connection.execute(of_step.limit(1)).one()
    return rows


def _evenly(total: int, limit: int) -> list[int]:
    """`limit` of the numbers below `total`, evenly spaced, with the first and the last."""
    if limit == 1:
        return [total - 1]
    return [index * (total - 1) // (limit - 1) for index in range(limit)]
