"""The least and the greatest value that a metric had in a run. The whole series is read for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, false, func, select

from tracking_server.store.schema import metrics


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and the greatest number, NaN left out."""

    least: float
    greatest: float


def of(
    connection: Connection, ids: Sequence[int], key_id: int, *, until_s: float
) -> tuple[dict[int, Extremes], list[int]]:
    """The extremes of one metric for each of these rows that has it, and the rows that were not looked at.

    Looks at no further run after `until_s` (of `time.monotonic`): a series may have millions of points.
    """
    found: dict[int, Extremes] = {}
    for position, id_ in enumerate(ids):
        if time.monotonic() > until_s:
            return found, list(ids[position:])
        of_run = (metrics.c.run_id == id_, metrics.c.key_id == key_id, metrics.c.is_nan == false())
        least, greatest = connection.execute(
            select(func.min(metrics.c.value), func.max(metrics.c.value)).where(*of_run)
        ).one()
        if least is not None:
            found[id_] = Extremes(least, greatest)
    return found, []
