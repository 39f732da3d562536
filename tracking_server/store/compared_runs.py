"""The runs that are nested under one, as far as they are compared: what each was given, and came to.

A run may have many children, and a child many parameters: every question says how much it reads at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, false, func, select

from tracking_server.store import metric_keys, plain
from tracking_server.store.of_many import OfMany
from tracking_server.store.opaque import opaque
from tracking_server.store.schema import latest_metrics, metrics, params, run_tags, runs
from tracking_server.store.schema import metric_keys as keys

_CHUNK = 2000
_SAMPLED_FOR_KEYS = 60
_BOTH = ("ids", "names")

# Of two indexes, that of the parent shall be taken, whatever a database thinks of the other.
_is_child = (runs.c.parent_uuid == bindparam("parent"), opaque(runs.c.deleted == false()))


class _Texts:
    """Values of a table of texts, of some runs and by some names."""

    def __init__(self, table: Table) -> None:
        values = select(table.c.run_id, table.c.key, table.c.value)
        # One text for any number of both, which need not be made nor compiled again.
        ids, names = (select(func.json_each(bindparam(of)).table_valued("value").c.value) for of in _BOTH)
        self._by_json = values.where(table.c.run_id.in_(ids), table.c.key.in_(names))
        self._by_list = values.where(
            table.c.run_id.in_(bindparam("ids", expanding=True)),
            table.c.key.in_(bindparam("names", expanding=True)),
        )

    def of(
        self, connection: Connection, ids: Sequence[int], names: Sequence[str]
    ) -> dict[int, dict[str, str]]:
        """Of each run that has any of them."""
        found: dict[int, dict[str, str]] = {}
        for chunk in _chunks(ids) if names else ():
            for run, key, value in self._rows(connection, chunk, list(names)):
                found.setdefault(run, {})[key] = value
        return found

    def _rows(self, connection: Connection, ids: list[int], names: list[str]) -> Sequence[Any]:
        if plain.serves(connection):
            return plain.rows(connection, self._by_json, {"ids": json.dumps(ids), "names": json.dumps(names)})
        return connection.execute(self._by_list, {"ids": ids, "names": names}).all()


_TAGS = _Texts(run_tags)
_PARAMETERS = _Texts(params)
_LATEST = (
    select(runs.c.id, runs.c.uuid, runs.c.name, runs.c.status, runs.c.start_ms, runs.c.end_ms)
    .where(*_is_child)
    .order_by(runs.c.start_ms.desc(), runs.c.id.desc())
    .limit(bindparam("most"))
)
_some = _LATEST.subquery()
_COUNTS = select(
    func.count().label("total"),
    func.sum(case((_some.c.status.in_(("RUNNING", "SCHEDULED")), 1), else_=0)).label("open"),
    func.max(_some.c.start_ms).label("last_start_ms"),
    func.max(_some.c.end_ms).label("last_end_ms"),
)
_VALUES = OfMany(
    latest_metrics.c.run_id,
    select(
        latest_metrics.c.run_id,
        latest_metrics.c.value,
        latest_metrics.c.is_nan,
        latest_metrics.c.step,
        latest_metrics.c.timestamp_ms,
    ).where(latest_metrics.c.key_id == bindparam("key")),
)
_EXTREMES = OfMany(
    metrics.c.run_id,
    select(
        metrics.c.run_id,
        func.min(metrics.c.value).label("least"),
        func.max(metrics.c.value).label("greatest"),
    )
    .where(metrics.c.key_id == bindparam("key"), metrics.c.is_nan == false())
    .group_by(metrics.c.run_id),
)
_METRICS = OfMany(
    latest_metrics.c.run_id,
    select(keys.c.name, func.count().label("runs"))
    .join(keys, keys.c.id == latest_metrics.c.key_id)
    .group_by(keys.c.name),
)
_FIRST_PARAMS = (
    select(params.c.key, params.c.value)
    .where(params.c.run_id == bindparam("run"))
    .order_by(params.c.key)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many runs are nested under one, how many of them are not over, and when any last began or ended."""

    total: int
    open: int
    last_start_ms: int | None
    last_end_ms: int | None


@dataclass(frozen=True, slots=True)
class Last:
    """The latest point of a metric; `value` is None for NaN."""

    value: float | None
    step: int
    timestamp_ms: int


def counts(connection: Connection, parent: str, most: int) -> Counts:
    """Of those `most` runs directly under `parent` (a run's id) that began last, deleted ones left out."""
    row = connection.execute(_COUNTS, {"parent": parent, "most": most}).one()
    return Counts(int(row.total), int(row.open or 0), row.last_start_ms, row.last_end_ms)


def latest(connection: Connection, parent: str, most: int) -> Sequence[Any]:
    """Rows (id, uuid, name, status, start_ms, end_ms) of the children that began last, the earliest first."""
    return connection.execute(_LATEST, {"parent": parent, "most": most}).all()[::-1]


def metric_names(connection: Connection, ids: Sequence[int]) -> dict[str, int]:
    """How many of some of the runs `ids`, spread over all of them, have each metric."""
    return dict(_METRICS.rows(connection, spread(ids, _SAMPLED_FOR_KEYS)))


def last_values(connection: Connection, ids: Sequence[int], metric: str) -> dict[int, Last]:
    """The latest point of `metric` of those of the runs `ids` that have it."""
    key = metric_keys.find(connection, [metric]).get(metric)
    if key is None:
        return {}
    return {
        run: Last(None if is_nan else value, step, timestamp_ms)
        for chunk in _chunks(ids)
        for run, value, is_nan, step, timestamp_ms in _VALUES.rows(connection, chunk, key=key)
    }


def extremes(connection: Connection, ids: Sequence[int], metric: str) -> dict[int, tuple[float, float]]:
    """The least and the greatest value of `metric` of each of the runs `ids` that has numbers of it.

    Reads all points of the metric.
    """
    key = metric_keys.find(connection, [metric]).get(metric)
    if key is None:
        return {}
    return {run: (least, most) for run, least, most in _EXTREMES.rows(connection, ids, key=key)}


def tags(connection: Connection, ids: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, str]]:
    """Those tags of the runs `ids` that have one of the `names`."""
    return _TAGS.of(connection, ids, names)


def parameters(connection: Connection, ids: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, str]]:
    """Those parameters of the runs `ids` that have one of the `names`."""
    return _PARAMETERS.of(connection, ids, names)


def parameter_sample(connection: Connection, ids: Sequence[int], most: int) -> list[dict[str, str]]:
    """The parameters of some of the runs `ids`, spread over all of them; `most` values in all, or few more.

    Of a run with very many, the first by name.
    """
    found: list[dict[str, str]] = []
    left = most
    for run in spread(ids, max(1, most // 20)):
        if left <= 0:
            break
        rows = connection.execute(_FIRST_PARAMS, {"run": run, "most": max(20, most // 10)}).all()
        found.append({row.key: row.value for row in rows})
        left -= len(rows)
    return found


def spread(ids: Sequence[int], most: int) -> list[int]:
    """At most `most` of `ids`, evenly spread, the last one first and so on towards the middle of gaps."""
    if len(ids) <= most:
        return list(ids)
    return [ids[number * (len(ids) - 1) // max(1, most - 1)] for number in range(most)]


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _CHUNK):
        yield list(ids[start : start + _CHUNK])
