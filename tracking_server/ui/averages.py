"""Means and deviations of any finite numbers, those too whose sum is more than a float can be."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tracking_server.store.records import MAX_FLOAT


def mean(values: Sequence[float]) -> float:
    """The mean of one number or more."""
    try:
        return statistics.fmean(values)
    except OverflowError:
        scale = max(map(abs, values))
        return scale * max(-1.0, min(1.0, statistics.fmean(value / scale for value in values)))


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample of two numbers or more; at most the greatest float."""
    try:
        return statistics.stdev(values)
    except OverflowError:
        scale = max(map(abs, values))
        return min(MAX_FLOAT, scale * statistics.stdev(value / scale for value in values))
