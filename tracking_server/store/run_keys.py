"""Which parameters, metrics and tags the runs of an experiment have at all.

An index holds each name once a run. It is not read through: from each name the next greater one is looked
up, so that a million runs with twelve thousand names cost twelve thousand looks.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from tracking_server.store.schema import latest_metrics, metric_keys, params, run_tags

MOST = 20_000


def params_of(connection: Connection, experiment: int) -> list[str]:
    """The names of parameters by name; the first `MOST`."""
    return _distinct(connection, params, params.c.key, experiment)


def tags_of(connection: Connection, experiment: int) -> list[str]:
    """The names of tags by name; the first `MOST`."""
    return _distinct(connection, run_tags, run_tags.c.key, experiment)


def metrics_of(connection: Connection, experiment: int) -> list[str]:
    """The names of metrics by name; at most `MOST`."""
    ids = _distinct(connection, latest_metrics, latest_metrics.c.key_id, experiment)
    names: list[str] = []
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        names += connection.execute(select(metric_keys.c.name).where(metric_keys.c.id.in_(chunk))).scalars()
    return sorted(names)


def values_of_param(connection: Connection, experiment: int, key: str, most: int) -> list[str]:
    """The first values of a parameter, as far as they are indexed."""
    where = params.c.key == key
    return _distinct(connection, params, params.c.head, experiment, where, most=most)


def values_of_tag(connection: Connection, experiment: int, key: str, most: int) -> list[str]:
    """The first values of a tag, as far as they are indexed."""
    where = run_tags.c.key == key
    return _distinct(connection, run_tags, run_tags.c.head, experiment, where, most=most)


def _distinct(
    connection: Connection,
    table: Table,
    column: ColumnElement[Any],
    experiment: int,
    *where: ColumnElement[bool],
    most: int = MOST,
) -> list[Any]:
    of_experiment = (table.c.experiment_id == experiment, *where)
    first = select(func.min(column).label("name")).where(*of_experiment)
    found = first.cte("found", recursive=True)
    following = (
        select(func.min(column))
        .where(*of_experiment, column > found.c.name)
        .correlate(found)
        .scalar_subquery()
    )
    found = found.union_all(select(following).where(found.c.name.is_not(None)))
    names = select(found.c.name).where(found.c.name.is_not(None)).limit(most)
    return list(connection.execute(names).scalars())
