"""Which parameters, metrics and tags the runs of an experiment have at all.

An index holds each name once a run. It is not read through: from each name the next greater one is looked
up, so that a million runs with twelve thousand names cost twelve thousand looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from tracking_server.store.schema import latest_metrics, metric_keys, params, run_tags

MOST = 20_000


def params_of(connection: Connection, experiment: int) -> list[str]:
    """The names of parameters by name; the first `MOST`."""
    return _distinct(connection, params.c.key, [(params.c.experiment_id, experiment)])


def tags_of(connection: Connection, experiment: int) -> list[str]:
    """The names of tags by name; the first `MOST`."""
    return _distinct(connection, run_tags.c.key, [(run_tags.c.experiment_id, experiment)])


def metrics_of(connection: Connection, experiment: int) -> list[str]:
    """The names of metrics by name; at most `MOST`."""
    within = [(latest_metrics.c.experiment_id, experiment)]
    ids = _distinct(connection, latest_metrics.c.key_id, within)
    names: list[str] = []
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        names += connection.execute(select(metric_keys.c.name).where(metric_keys.c.id.in_(chunk))).scalars()
    return sorted(names)


def values_of_param(connection: Connection, experiment: int, key: str, most: int) -> list[str]:
    """The first values of a parameter, as far as they are indexed."""
    within = [(params.c.experiment_id, experiment), (params.c.key, key)]
    return _distinct(connection, params.c.head, within, most=most)


def values_of_tag(connection: Connection, experiment: int, key: str, most: int) -> list[str]:
    """The first values of a tag, as far as they are indexed."""
    within = [(run_tags.c.experiment_id, experiment), (run_tags.c.key, key)]
    return _distinct(connection, run_tags.c.head, within, most=most)


def _distinct(
    connection: Connection,
    column: ColumnElement[Any],
    within: Sequence[tuple[ColumnElement[Any], Any]],
    *,
    most: int = MOST,
) -> list[Any]:
    """What stands in `column`, in order. An index begins with the columns of `within` and has it next."""
    where = [led_by == value for led_by, value in within]
    if connection.dialect.name == "mysql":
        # It goes from group to group by itself, and would read the whole range for each step of the walk.
        grouped = select(column).where(*where).group_by(*(led_by for led_by, _ in within), column).limit(most)
        return sorted(connection.execute(grouped).scalars())
    first = select(func.min(column).label("name")).where(*where)
    found = first.cte("found", recursive=True)
    following = (
        select(func.min(column)).where(*where, column > found.c.name).correlate(found).scalar_subquery()
    )
    found = found.union_all(select(following).where(found.c.name.is_not(None)))
    names = select(found.c.name).where(found.c.name.is_not(None)).limit(most)
    return list(connection.execute(names).scalars())
