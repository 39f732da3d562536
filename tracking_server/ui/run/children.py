"""The runs nested right under a run: how many, and the first of them with some of what they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, false, select

from tracking_server.store import nested_runs, runs
from tracking_server.store.opaque import opaque
from tracking_server.store.records import Run, RunInfo, WireFloat, wire_float
from tracking_server.store.schema import latest_metrics, metric_keys, params
from tracking_server.store.schema import runs as run_rows

SHOWN = 20
_COLUMNS = 4
_CANDIDATES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """`shown` are the oldest of `count`, which ends at `nested_runs.MOST_COUNTED`.

    `params` and `metrics` are names of the oldest child's: metrics that the parent has too come first, as a
    sweep has its objectives, of parameters those that it has not. Values are by id of the run and name.
    """

    shown: Sequence[RunInfo]
    count: int
    params: Sequence[str]
    metrics: Sequence[str]
    param_values: Mapping[tuple[str, str], str]
    metric_values: Mapping[tuple[str, str], WireFloat]


def of(connection: Connection, parent: Run) -> Children:
    """The children of a run; what is read does not grow with them nor with what was logged to them."""
    rows = connection.execute(
        select(run_rows)
        .where(run_rows.c.parent_uuid == parent.info.run_id, opaque(run_rows.c.deleted == false()))
        .order_by(run_rows.c.start_ms, run_rows.c.id)
        .limit(SHOWN)
    ).all()
    uuids = {row.id: row.uuid for row in rows}
    param_names = _params_of(connection, rows[0].id, parent) if rows else []
    metric_names = _metrics_of(connection, rows[0].id, parent) if rows else {}
    return Children(
        shown=[runs.info(row) for row in rows],
        count=nested_runs.counts(connection, [parent.info.run_id]).get(parent.info.run_id, 0),
        params=param_names,
        metrics=list(metric_names),
        param_values=_param_values(connection, uuids, param_names),
        metric_values=_metric_values(connection, uuids, metric_names),
    )


def _params_of(connection: Connection, child: int, parent: Run) -> list[str]:
    keys = connection.execute(
        select(params.c.key).where(params.c.run_id == child).order_by(params.c.key).limit(_CANDIDATES)
    ).scalars()
    # What all have alike is the parent's too, and of less interest.
    shared = {param.key for param in parent.data.params}
    return sorted(keys, key=lambda key: (key in shared, key))[:_COLUMNS]


def _metrics_of(connection: Connection, child: int, parent: Run) -> dict[str, int]:
    rows = connection.execute(
        select(metric_keys.c.name, metric_keys.c.id)
        .join(latest_metrics, latest_metrics.c.key_id == metric_keys.c.id)
        .where(latest_metrics.c.run_id == child)
        .order_by(latest_metrics.c.key_id)
        .limit(_CANDIDATES)
    )
    aimed_at = {metric.key for metric in parent.data.metrics}
    chosen = sorted(rows, key=lambda row: (row.name not in aimed_at, row.name))[:_COLUMNS]
    return {row.name: row.id for row in chosen}


def _param_values(
    connection: Connection, uuids: Mapping[int, str], keys: Sequence[str]
) -> dict[tuple[str, str], str]:
    if not keys:
        return {}
    rows = connection.execute(
        select(params.c.run_id, params.c.key, params.c.value).where(
            params.c.run_id.in_(uuids), params.c.key.in_(keys)
        )
    )
    return {(uuids[row.run_id], row.key): row.value for row in rows}


def _metric_values(
    connection: Connection, uuids: Mapping[int, str], keys: Mapping[str, int]
) -> dict[tuple[str, str], WireFloat]:
    if not keys:
        return {}
    named: dict[Any, str] = {key_id: name for name, key_id in keys.items()}
    latest = latest_metrics.c
    rows = connection.execute(
        select(latest.run_id, latest.key_id, latest.value, latest.is_nan).where(
            latest.run_id.in_(uuids), latest.key_id.in_(named)
        )
    )
    return {(uuids[row.run_id], named[row.key_id]): wire_float(row.value, row.is_nan) for row in rows}
