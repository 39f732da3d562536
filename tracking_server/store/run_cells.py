"""Some of what was logged to some runs: what a table shows, however much more there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from tracking_server.store import metric_keys, runs
from tracking_server.store.records import Metric, RunInfo, wire_float
from tracking_server.store.schema import latest_metrics, params, run_tags
from tracking_server.store.schema import metric_keys as keys
from tracking_server.store.schema import runs as run_rows

_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Names of parameters, metrics and tags."""

    params: Sequence[str] = ()
    metrics: Sequence[str] = ()
    tags: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Cells:
    """The chosen parameters, metrics (their latest points) and tags of one run, by name."""

    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def infos(connection: Connection, ids: Sequence[int]) -> dict[int, RunInfo]:
    """The runs of these rows without their data, in this order; those that are gone are left out."""
    found: dict[int, RunInfo] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = connection.execute(select(run_rows).where(run_rows.c.id.in_(ids[start : start + _CHUNK])))
        found.update((row.id, runs.info(row)) for row in rows)
    return {id_: found[id_] for id_ in ids if id_ in found}


def row_ids(connection: Connection, uuids: Sequence[str]) -> list[int]:
    """The rows of the runs with these ids, in this order; unknown ones are left out."""
    found: dict[str, int] = {}
    for start in range(0, len(uuids), _CHUNK):
        chunk = uuids[start : start + _CHUNK]
        rows = connection.execute(select(run_rows.c.uuid, run_rows.c.id).where(run_rows.c.uuid.in_(chunk)))
        found.update((uuid, id_) for uuid, id_ in rows)
    return [found[uuid] for uuid in dict.fromkeys(uuids) if uuid in found]


def of(connection: Connection, ids: Sequence[int], wanted: Keys) -> dict[int, Cells]:
    """What each of these rows has of what is wanted."""
    cells = {id_: Cells() for id_ in ids}
    numbers = {id_: name for name, id_ in metric_keys.find(connection, wanted.metrics).items()}
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        _add_texts(connection, chunk, wanted, cells)
        if numbers:
            _add_metrics(connection, chunk, numbers, cells)
    return cells


def _add_texts(connection: Connection, ids: Sequence[int], wanted: Keys, cells: dict[int, Cells]) -> None:
    of_cells: Callable[[Cells], dict[str, str]]
    for table, names, of_cells in (
        (params, wanted.params, lambda found: found.params),
        (run_tags, wanted.tags, lambda found: found.tags),
    ):
        if names:
            chosen = (table.c.run_id.in_(ids), table.c.key.in_(names))
            for run, key, value in connection.execute(
                select(table.c.run_id, table.c.key, table.c.value).where(*chosen)
            ):
                of_cells(cells[run])[key] = value


def _add_metrics(
    connection: Connection, ids: Sequence[int], numbers: dict[int, str], cells: dict[int, Cells]
) -> None:
    latest = latest_metrics.c
    columns = (latest.run_id, latest.key_id, latest.value, latest.is_nan, latest.timestamp_ms, latest.step)
    chosen = (latest.run_id.in_(ids), latest.key_id.in_(numbers))
    for run, key, value, is_nan, timestamp_ms, step in connection.execute(select(*columns).where(*chosen)):
        cells[run].metrics[numbers[key]] = Metric(
            key=numbers[key], value=wire_float(value, is_nan), timestamp=timestamp_ms, step=step
        )


def first_keys(connection: Connection, ids: Sequence[int], most: int) -> list[Keys]:
    """The first `most` parameters and metrics of each of these rows by name, without system metrics."""
    named = select(params.c.run_id, params.c.key)
    measured = select(latest_metrics.c.run_id, keys.c.name).join(keys, keys.c.id == latest_metrics.c.key_id)
    of_params = _first_names(connection, named, params.c.run_id, params.c.key, ids, most)
    of_metrics = _first_names(
        connection, measured, latest_metrics.c.run_id, latest_metrics.c.key_id, ids, most
    )
    return [
        Keys(
            params=of_params[id_],
            metrics=[name for name in of_metrics[id_] if not name.startswith(SYSTEM_METRICS)],
        )
        for id_ in ids
    ]


def _first_names(
    connection: Connection,
    statement: Any,
    run: ColumnElement[int],
    place: ColumnElement[Any],
    ids: Sequence[int],
    most: int,
) -> dict[int, list[str]]:
    """The names of each row, at most `most` in the order of `place`: with one question, if they have few.

    A run may have a hundred thousand names, of which no more must be read: then each row is asked for alone.
    """
    together = connection.execute(statement.where(run.in_(ids)).limit(most * len(ids))).all()
    found: dict[int, list[str]] = {id_: [] for id_ in ids}
    if len(together) < most * len(ids):
        for id_, name in together:
            found[id_].append(name)
    else:
        for id_ in ids:
            rows = connection.execute(statement.where(run == id_).order_by(place).limit(most))
            found[id_] = [name for _, name in rows]
    return {id_: sorted(names)[:most] for id_, names in found.items()}


SYSTEM_METRICS = "system/"
"""What the names of metrics begin with that tell of the machine, not of the training."""
