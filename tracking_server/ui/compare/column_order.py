"""The runs of a comparison in the order of what they have in one of its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Row

from tracking_server.store import comparing

_VALUES: Mapping[str, Callable[[Connection, Sequence[int], Sequence[str]], Mapping[tuple[int, str], object]]]
_VALUES = {"params": comparing.param_values, "metrics": comparing.metric_values}
SORTED_BY = frozenset(_VALUES)
"""The sections whose rows runs can be sorted by."""


def ordered(connection: Connection, runs: Sequence[Row[Any]], sort: str) -> list[Row[Any]]:
    """Rows of runs by `metrics.NAME` or `params.NAME`, the greatest first with a `-` before it.

    Numbers come before other texts; runs that have none, or NaN, last in both directions. Those that have the
    same stay as they are, and so do all where `sort` names no row.
    """
    section, _, key = sort.removeprefix("-").partition(".")
    if section not in _VALUES:
        return list(runs)
    found = _VALUES[section](connection, [run.id for run in runs], [key])
    places = {run.id: _place(found.get((run.id, key))) for run in runs}
    known = [run for run in runs if places[run.id] is not None]
    unknown = [run for run in runs if places[run.id] is None]
    known.sort(key=lambda run: places[run.id] or (), reverse=sort.startswith("-"))
    return [*known, *unknown]


def _place(value: object) -> tuple[int, float, str] | None:
    if value is None:
        return None
    try:
        number = float(str(value))
    except ValueError:
        return 1, 0.0, str(value)
    return None if math.isnan(number) else (0, number, "")
