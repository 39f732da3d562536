"""What a reader chose for all line charts of a page; it stands in the query, under the same names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from starlette.datastructures import QueryParams

from tracking_server.errors import InvalidParameter
from tracking_server.ui.charts.query_fields import number

Axis = Literal["step", "time", "relative"]
"""Across: steps, the time of day, or the time since the run's start in seconds."""

MOST_SMOOTHING = 0.99
_METRIC = "metric:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How lines are drawn.

    `axis` is what stands across; `across_metric` the metric that does instead, "" for none. `smoothing`, from
    0 to 0.99, is the weight of what was before in an exponential mean. `is_log`: the values' axis is
    logarithmic. `without_outliers`: it shows the values from the 5th to the 95th percentile. `within` is the
    part of the axis that is shown: steps, epoch milliseconds, or seconds since the start; None for all of it.
    """

    axis: Axis = "step"
    across_metric: str = ""
    smoothing: float = 0.0
    is_log: bool = False
    without_outliers: bool = False
    within: tuple[float, float] | None = None


def read(query: QueryParams) -> LineSettings:
    """The settings of a page. Raises InvalidParameter."""
    across = query.get("x", "") or "step"
    metric = across.removeprefix(_METRIC) if across.startswith(_METRIC) else ""
    if not metric and across not in get_args(Axis):
        raise InvalidParameter(f"'x' is one of {', '.join(get_args(Axis))} or {_METRIC}NAME.")
    smoothing = number(query, "smooth") or 0.0
    if not 0 <= smoothing <= MOST_SMOOTHING:
        raise InvalidParameter(f"'smooth' is a number from 0 to {MOST_SMOOTHING}.")
    return LineSettings(
        axis="step" if metric else across,  # type: ignore[arg-type]  # it is one of them
        across_metric=metric,
        smoothing=smoothing,
        is_log=query.get("log", "") == "1",
        without_outliers=query.get("outliers", "") == "0",
        within=within(query),
    )


def within(query: QueryParams) -> tuple[float, float] | None:
    """The part of an axis `from` and `to`, None for all of it. Raises InvalidParameter."""
    low, high = number(query, "from"), number(query, "to")
    if low is None and high is None:
        return None
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    if low > high:
        raise InvalidParameter("'from' must not be greater than 'to'.")
    return low, high


def stored_range(axis: Axis, part: tuple[float, float] | None, start_ms: int) -> tuple[int, int] | None:
    """A part of an axis as the store has it, for a run that began at `start_ms`: steps or timestamps."""
    if part is None:
        return None
    low, high = part
    if axis == "relative":
        low, high = start_ms + 1000 * low, start_ms + 1000 * high
    return _whole(low, math.floor), _whole(high, math.ceil)


def _whole(value: float, rounded: Callable[[float], int]) -> int:
    return rounded(max(-(2.0**63), min(2.0**63, value)))
