"""Runs beside one another: which of their parameters, metrics and tags differ, and the values of some.

What differs is found by the database: two hundred runs with ten thousand parameters each are two million
values, of which a page shows a few thousand. Functions work inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, func, literal_column, select
from sqlalchemy.engine import Row

from tracking_server.store import long_reads
from tracking_server.store.of_many import OfMany
from tracking_server.store.records import WireFloat, wire_float
from tracking_server.store.registry.schema import model_versions, registered_models
from tracking_server.store.schema import latest_metrics, metric_keys, params, run_tags, runs

MANY_RUNS = 50
"""From so many runs on, finding out what differs counts as a read that may take long."""

_CHUNK = 500
_UUIDS = select(runs).where(runs.c.uuid.in_(bindparam("uuids", expanding=True)))
_VERSIONS = (
    select(model_versions.c.run_uuid, registered_models.c.name, model_versions.c.version)
    .join(registered_models, registered_models.c.id == model_versions.c.registered_model_id)
    .where(model_versions.c.run_uuid.in_(bindparam("uuids", expanding=True)))
    .order_by(registered_models.c.name, model_versions.c.version.desc())
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that at least one of the runs has; `differs` unless all have it with the same value."""

    key: str
    differs: bool


def _texts_of(table: Table) -> OfMany:
    return OfMany(
        table.c.run_id,
        select(table.c.key, func.count(), func.min(table.c.value) != func.max(table.c.value))
        .group_by(table.c.key)
        .order_by(table.c.key),
    )


_PARAMS = _texts_of(params)
_TAGS = _texts_of(run_tags)
# Literals in the text: such statements take no other values than the ids.
_NANS = func.sum(case((latest_metrics.c.is_nan, literal_column("1")), else_=literal_column("0")))
_METRIC_IDS = OfMany(
    latest_metrics.c.run_id,
    select(
        latest_metrics.c.key_id,
        func.count(),
        _NANS,
        func.min(latest_metrics.c.value) != func.max(latest_metrics.c.value),
    ).group_by(latest_metrics.c.key_id),
)
_METRIC_NAMES = OfMany(metric_keys.c.id, select(metric_keys.c.id, metric_keys.c.name))


def rows_of(connection: Connection, run_ids: Sequence[str]) -> list[Row[Any]]:
    """The rows of these runs, deleted ones too, in this order; those that are not there are left out."""
    found = {
        row.uuid: row
        for start in range(0, len(run_ids), _CHUNK)
        for row in connection.execute(_UUIDS, {"uuids": list(run_ids[start : start + _CHUNK])})
    }
    return [found[run_id] for run_id in run_ids if run_id in found]


def params_of(connection: Connection, run_rows: Sequence[int]) -> list[Kept]:
    """Every parameter of these runs (ids of their rows), by name."""
    return _texts(connection, _PARAMS, run_rows)


def tags_of(connection: Connection, run_rows: Sequence[int]) -> list[Kept]:
    """Every tag of these runs, by name."""
    return _texts(connection, _TAGS, run_rows)


def _texts(connection: Connection, about: OfMany, run_rows: Sequence[int]) -> list[Kept]:
    _may_take_long(connection, run_rows)
    everywhere = len(run_rows)
    return [
        Kept(key, bool(differs) or count < everywhere)
        for key, count, differs in about.rows(connection, run_rows)
    ]


def metrics_of(connection: Connection, run_rows: Sequence[int]) -> list[Kept]:
    """Every metric of these runs, by name. What differs is the latest value; NaN is like NaN."""
    _may_take_long(connection, run_rows)
    found = _METRIC_IDS.rows(connection, run_rows)
    names: dict[int, str] = {}
    for start in range(0, len(found), _CHUNK):
        ids = [row[0] for row in found[start : start + _CHUNK]]
        names.update((row[0], row[1]) for row in _METRIC_NAMES.rows(connection, ids))
    everywhere = len(run_rows)
    kept = [
        Kept(names[key], bool(differs) or count < everywhere or nans not in (0, count))
        for key, count, nans, differs in found
    ]
    return sorted(kept, key=lambda metric: metric.key)


def _may_take_long(connection: Connection, run_rows: Sequence[int]) -> None:
    if len(run_rows) >= MANY_RUNS:
        long_reads.begin(connection)


def param_values(
    connection: Connection, run_rows: Sequence[int], keys: Sequence[str]
) -> dict[tuple[int, str], str]:
    """The values of these parameters, for each run (the id of its row) that has them."""
    return _values(connection, params, run_rows, keys)


def tag_values(
    connection: Connection, run_rows: Sequence[int], keys: Sequence[str]
) -> dict[tuple[int, str], str]:
    """The values of these tags, for each run that has them."""
    return _values(connection, run_tags, run_rows, keys)


def _values(
    connection: Connection, table: Table, run_rows: Sequence[int], keys: Sequence[str]
) -> dict[tuple[int, str], str]:
    wanted = select(table.c.run_id, table.c.key, table.c.value).where(table.c.run_id.in_(run_rows))
    return {
        (run, key): value
        for start in range(0, len(keys), _CHUNK)
        for run, key, value in connection.execute(wanted.where(table.c.key.in_(keys[start : start + _CHUNK])))
    }


def metric_values(
    connection: Connection, run_rows: Sequence[int], keys: Sequence[str]
) -> dict[tuple[int, str], WireFloat]:
    """The latest values of these metrics, for each run that has them."""
    wanted = (
        select(latest_metrics.c.run_id, metric_keys.c.name, latest_metrics.c.value, latest_metrics.c.is_nan)
        .join(metric_keys, metric_keys.c.id == latest_metrics.c.key_id)
        .where(latest_metrics.c.run_id.in_(run_rows))
    )
    return {
        (run, key): wire_float(value, is_nan)
        for start in range(0, len(keys), _CHUNK)
        for run, key, value, is_nan in connection.execute(
            wanted.where(metric_keys.c.name.in_(keys[start : start + _CHUNK]))
        )
    }


def versions_of(
    connection: Connection, run_ids: Sequence[str], limit: int
) -> dict[str, list[tuple[str, str]]]:
    """The model versions that were made of these runs, as (name, version); the first `limit` of them all."""
    made: dict[str, list[tuple[str, str]]] = {}
    for run_id, name, version in connection.execute(_VERSIONS, {"uuids": list(run_ids), "limit": limit}):
        made.setdefault(run_id, []).append((name, str(version)))
    return made
