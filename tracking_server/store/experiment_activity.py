"""What goes on in experiments. Bounded, whatever their size: counts end somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, false, func, literal, select

from tracking_server.store.schema import runs

MOST_COUNTED = 100_000
"""A count that reaches this says "or more"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """An experiment's runs, how many of them run now, how many began lately, and when the last one began."""

    runs: int
    running: int
    recent: int
    last_start_ms: int | None


def of(connection: Connection, experiments: Sequence[int], *, since_ms: int) -> dict[int, Activity]:
    """The activity of each experiment; deleted runs do not count, `recent` are those that began since."""
    return {experiment: _one(connection, experiment, since_ms) for experiment in experiments}


def _one(connection: Connection, experiment: int, since_ms: int) -> Activity:
    there = (runs.c.experiment_id == experiment, runs.c.deleted == false())
    last = select(runs.c.start_ms).where(*there).order_by(runs.c.start_ms.desc()).limit(1)
    last_start_ms = connection.execute(last).scalar()
    if last_start_ms is None:
        return Activity(runs=0, running=0, recent=0, last_start_ms=None)
    return Activity(
        runs=_count(connection, *there),
        running=_count(connection, *there, runs.c.status == "RUNNING"),
        recent=_count(connection, *there, runs.c.start_ms >= since_ms),
        last_start_ms=last_start_ms,
    )


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    some = select(literal(1)).where(*conditions).limit(MOST_COUNTED).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())
