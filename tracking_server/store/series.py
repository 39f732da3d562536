"""Metric series as charts show them: few points of very many, among them every peak.

The points of a series are divided into buckets along the order of the table, which is that of time; of each
bucket the first and the last point, the lowest and the highest, and one that is not a finite number are kept.
Each is a point as it was logged. Buckets are ranges of the primary key, so that nothing is sorted, and those
that hold much more than their share are divided again: a run that paused for a week, or whose points all have
one timestamp, is as finely drawn as any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    not_,
    select,
    true,
    union_all,
)

from tracking_server.store import long_reads, plain
from tracking_server.store.records import MAX_FLOAT
from tracking_server.store.schema import metrics

Axis = Literal["step", "time"]
"""What a range of a series is a range of, and how its points are ordered: steps, or epoch milliseconds."""

POINTS_PER_BUCKET = 5
"""How many points of a bucket are kept at most."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_LONG_FROM_POINTS = 50_000
_ROUNDS = 4


class SeriesPoint(NamedTuple):
    """One point as it was logged. `value` may be NaN or infinite."""

    step: int
    timestamp_ms: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of one metric of one run in the order of the axis; all of them where `is_whole`.

    `total` is how many points the range holds.
    """

    points: Sequence[SeriesPoint]
    total: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Range:
    """A part of a series, its ends included. Of one timestamp alone it is a range of its steps."""

    from_ms: int
    to_ms: int
    from_step: int
    to_step: int

    def divided(self, parts: int) -> list[_Range]:
        """At most `parts` ranges of equal width, in order."""
        if self.from_ms < self.to_ms:
            cuts = _cuts(self.from_ms, self.to_ms, parts)
            return [_Range(low, high, self.from_step, self.to_step) for low, high in cuts]
        cuts = _cuts(self.from_step, self.to_step, parts)
        return [_Range(self.from_ms, self.to_ms, low, high) for low, high in cuts]


@dataclass(frozen=True, slots=True)
class _Bucket:
    """What is known of a range that is not empty.

    `lowest` and `highest` are those of its finite values, None where it has none; `is_odd`: it has others.
    """

    range: _Range
    count: int
    is_odd: bool
    lowest: float | None
    highest: float | None


def _cuts(low: int, high: int, parts: int) -> list[tuple[int, int]]:
    width = high - low + 1
    parts = min(parts, width)
    ends = [low + width * number // parts for number in range(parts + 1)]
    return [(start, end - 1) for start, end in pairwise(ends)]


# The statements, for a range of timestamps and for one of the steps of one timestamp: each follows the key.
_FINITE = and_(
    metrics.c.is_nan == false(),
    metrics.c.value < bindparam("infinity"),
    metrics.c.value > -bindparam("infinity", type_=metrics.c.value.type),
)
_ORDER = (metrics.c.timestamp_ms, metrics.c.step, metrics.c.value, metrics.c.is_nan)
_BACKWARDS = tuple(column.desc() for column in _ORDER)
_NONE: Any = literal_column("0")
_ONE: Any = literal_column("1")


def _limited(statement: Any, most: Any = _ONE) -> Any:
    # With an offset, since SQLAlchemy adds one for SQLite, as a value that `plain` knows nothing of.
    return statement.limit(most).offset(_NONE)


def _within(*, is_one_moment: bool) -> ColumnElement[bool]:
    moment = (
        metrics.c.timestamp_ms == bindparam("from_ms")
        if is_one_moment
        else metrics.c.timestamp_ms.between(bindparam("from_ms"), bindparam("to_ms"))
    )
    return and_(
        metrics.c.run_id == bindparam("run"),
        metrics.c.key_id == bindparam("key"),
        moment,
        metrics.c.step.between(bindparam("from_step"), bindparam("to_step")),
    )


def _summary(where: ColumnElement[bool]) -> Any:
    """How many points, how many of them NaN, the least and the greatest value: as if NaN were zero."""
    nan = case((metrics.c.is_nan == true(), _ONE))
    return select(func.count(), func.count(nan), func.min(metrics.c.value), func.max(metrics.c.value)).where(
        where
    )


def _careful_summary(where: ColumnElement[bool]) -> Any:
    """The least and the greatest finite value. Takes twice the time."""
    finite = case((_FINITE, metrics.c.value))
    return select(func.min(finite), func.max(finite)).where(where)


def _kept(where: ColumnElement[bool]) -> Any:
    """The first, the last, the lowest and the highest point."""
    of_value = [and_(where, _FINITE, metrics.c.value == bindparam(name)) for name in ("lowest", "highest")]
    parts = [
        select(*_ORDER).where(where).order_by(*_ORDER),
        select(*_ORDER).where(where).order_by(*_BACKWARDS),
        *(select(*_ORDER).where(extreme).order_by(*_ORDER) for extreme in of_value),
    ]
    # Each in brackets of its own: not every database takes a limit in a part of a union.
    return union_all(*(select(_limited(part).subquery()) for part in parts))


_MOMENTS, _STEPS = _within(is_one_moment=False), _within(is_one_moment=True)
_SUMMARIES = (_summary(_MOMENTS), _summary(_STEPS))
_CAREFUL_SUMMARIES = (_careful_summary(_MOMENTS), _careful_summary(_STEPS))
_KEPT = (_kept(_MOMENTS), _kept(_STEPS))
_ODD = tuple(
    _limited(select(*_ORDER).where(where, not_(_FINITE)).order_by(*_ORDER)) for where in (_MOMENTS, _STEPS)
)
_FIRST_POINTS = _limited(select(*_ORDER).where(_MOMENTS).order_by(*_ORDER), bindparam("limit"))
_LAST_POINT = _limited(select(*_ORDER).where(_MOMENTS).order_by(*_BACKWARDS))
_FIRST_OF_MANY = _limited(select(metrics.c.timestamp_ms).where(_MOMENTS), bindparam("limit"))
_COUNTED = select(func.count()).select_from(_FIRST_OF_MANY.subquery())
_ENDS = tuple(
    (_limited(places.order_by(*_ORDER)), _limited(places.order_by(*_BACKWARDS)))
    for places in (select(*_ORDER[:2]).where(where) for where in (_MOMENTS, _STEPS))
)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Asks for parts of one series."""

    connection: Connection
    run: int
    key: int

    def rows(self, statement: Any, part: _Range, **values: Any) -> Sequence[Any]:
        given = {
            "run": self.run,
            "key": self.key,
            "from_ms": part.from_ms,
            "to_ms": part.to_ms,
            "from_step": part.from_step,
            "to_step": part.to_step,
            "infinity": MAX_FLOAT,
            **values,
        }
        if plain.serves(self.connection):
            return plain.rows(self.connection, statement, given)
        return self.connection.execute(statement, given).all()

    def bucket(self, part: _Range) -> _Bucket | None:
        """What is in a part; None where nothing is."""
        one = _is_one_moment(part)
        ((count, nan, lowest, highest),) = self.rows(_SUMMARIES[one], part)
        if not count:
            return None
        is_odd = bool(nan) or -lowest == MAX_FLOAT or highest == MAX_FLOAT
        if is_odd:
            ((lowest, highest),) = self.rows(_CAREFUL_SUMMARIES[one], part)
        return _Bucket(part, count, is_odd, lowest, highest)

    def narrowed(self, part: _Range) -> _Range:
        """A part that holds something, from its first to its last point."""
        first, last = _ENDS[_is_one_moment(part)]
        ((from_ms, from_step),) = self.rows(first, part)
        ((to_ms, to_step),) = self.rows(last, part)
        if from_ms < to_ms:
            return _Range(from_ms, to_ms, part.from_step, part.to_step)
        return _Range(from_ms, to_ms, from_step, to_step)

    def kept(self, bucket: _Bucket) -> set[SeriesPoint | _Odd]:
        """The points of a bucket that are shown."""
        one = _is_one_moment(bucket.range)
        rows = self.rows(_KEPT[one], bucket.range, lowest=bucket.lowest, highest=bucket.highest)
        odd = self.rows(_ODD[one], bucket.range) if bucket.is_odd else ()
        return {_point(row) for row in (*rows, *odd)}


@dataclass(frozen=True, slots=True)
class _Odd:
    """A NaN, which is not equal to itself and would be kept twice."""

    step: int
    timestamp_ms: int


def read(
    connection: Connection,
    run: int,
    key: int,
    *,
    most: int,
    axis: Axis = "step",
    within: tuple[int, int] | None = None,
) -> Series:
    """A metric (its id) of a run (its row's id), at most `most` points of it, and no fewer than one bucket's.

    `within` is a range of the axis, its ends included. Every extreme of the range is among the points.
    """
    reader = _Reader(connection, run, key)
    whole = _whole(axis, within)
    few = reader.rows(_FIRST_POINTS, whole, limit=most + 1)
    if len(few) <= most:
        return _series({_point(row) for row in few}, axis, total=len(few), is_whole=True)
    if _is_long(reader, whole):
        long_reads.begin(connection)
    buckets = _buckets(reader, whole, max(1, most // POINTS_PER_BUCKET))
    points = {point for bucket in buckets for point in reader.kept(bucket)}
    return _series(points, axis, total=sum(bucket.count for bucket in buckets), is_whole=False)


def is_long(connection: Connection, run: int, key: int) -> bool:
    """Whether to `read` a metric (its id) of a run (its row's id) takes longer than people notice."""
    return _is_long(_Reader(connection, run, key), _whole("step", None))


def _is_long(reader: _Reader, part: _Range) -> bool:
    ((counted,),) = reader.rows(_COUNTED, part, limit=_LONG_FROM_POINTS)
    return bool(counted == _LONG_FROM_POINTS)


def glimpse(
    connection: Connection, run: int, key: int, *, most: int, axis: Axis = "step"
) -> Sequence[SeriesPoint]:
    """At most `most` points of a metric (its id) of a run (its row's id), its ends among them.

    They are looked up at moments that are evenly apart: how long the series is does not matter, and peaks
    between them are missed. For many series at a time; `read` is for one that is looked at.
    """
    reader = _Reader(connection, run, key)
    whole = _whole("time", None)
    found = reader.rows(_FIRST_POINTS, whole, limit=most + 1)
    if len(found) > most:
        (from_ms, *_), (to_ms, *_) = ends = found[0], *reader.rows(_LAST_POINT, whole)
        moments = [low for low, _ in _cuts(from_ms, to_ms, most - 1)]
        since = [reader.rows(_FIRST_POINTS, _whole("time", (at, _MOST)), limit=1) for at in moments[1:]]
        found = [*ends, *(row for rows in since for row in rows)]
    return _series({_point(row) for row in found}, axis, total=len(found), is_whole=False).points


def _whole(axis: Axis, within: tuple[int, int] | None) -> _Range:
    low, high = within or (_LEAST, _MOST)
    low, high = (max(_LEAST, min(_MOST, end)) for end in (low, high))
    return _Range(_LEAST, _MOST, low, high) if axis == "step" else _Range(low, high, _LEAST, _MOST)


def _buckets(reader: _Reader, whole: _Range, most: int) -> list[_Bucket]:
    """At most `most` buckets that hold all of `whole`; none much more than its share, if possible."""
    buckets = _divided(reader, whole, max(1, most * 4 // 5))
    for _ in range(_ROUNDS):
        total = sum(bucket.count for bucket in buckets)
        heavy = [bucket for bucket in buckets if bucket.count * most > 3 * total]
        together = sum(bucket.count for bucket in heavy)
        room = most - len(buckets)
        # Each makes room for itself when it is divided.
        parts = {bucket.range: 1 + room * bucket.count // together for bucket in heavy}
        if all(number == 1 for number in parts.values()):
            break
        buckets = [part for bucket in buckets for part in _parts(reader, bucket, parts.get(bucket.range, 1))]
    return buckets


def _parts(reader: _Reader, bucket: _Bucket, parts: int) -> list[_Bucket]:
    return [bucket] if parts == 1 else _divided(reader, bucket.range, parts)


def _divided(reader: _Reader, part: _Range, parts: int) -> list[_Bucket]:
    found = (reader.bucket(each) for each in reader.narrowed(part).divided(parts))
    return [bucket for bucket in found if bucket is not None]


def _is_one_moment(part: _Range) -> bool:
    return part.from_ms == part.to_ms


def _point(row: Any) -> SeriesPoint | _Odd:
    timestamp_ms, step, value, is_nan = row
    if is_nan:
        return _Odd(step, timestamp_ms)
    is_infinite = abs(value) == MAX_FLOAT
    return SeriesPoint(step, timestamp_ms, math.copysign(math.inf, value) if is_infinite else value)


def _series(points: Iterable[SeriesPoint | _Odd], axis: Axis, *, total: int, is_whole: bool) -> Series:
    known = [
        SeriesPoint(point.step, point.timestamp_ms, math.nan) if isinstance(point, _Odd) else point
        for point in points
    ]
    known.sort(key=_by_step if axis == "step" else _by_time)
    return Series(points=known, total=total, is_whole=is_whole)


def _by_step(point: SeriesPoint) -> tuple[int, int, bool, float]:
    return point.step, point.timestamp_ms, math.isnan(point.value), point.value


def _by_time(point: SeriesPoint) -> tuple[int, int, bool, float]:
    return point.timestamp_ms, point.step, math.isnan(point.value), point.value
