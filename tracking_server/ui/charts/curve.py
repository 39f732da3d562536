"""A series as a line on a page: where its points lie in a box, and what its axes say. As curve.js does it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tracking_server.store.series import SeriesPoint
from tracking_server.ui import wording
from tracking_server.ui.charts.settings import LineSettings

WIDTH, HEIGHT = 300, 100
"""The box that lines are drawn in, in its own units."""

_MARGIN = 0.05
_OUTLIERS = 0.05
_NOISE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A line in the box, as the data of paths.

    `raw` is the line before smoothing, "" without; `dots` are points that no line leads to. `marks` are the
    places of values that are no numbers, `odd` is how many there are. `low` to `high` is what the box shows
    of the values, `first` to `last` of what stands across; as texts, "" where there is no point.
    """

    line: str
    raw: str
    dots: str
    marks: str
    odd: int
    low: str
    high: str
    first: str
    last: str


def drawn(
    points: Sequence[SeriesPoint],
    settings: LineSettings,
    *,
    start_ms: int,
    across: Sequence[SeriesPoint] = (),
) -> Drawing:
    """The line of a run that began at `start_ms`; `across` is the series of the metric that stands there."""
    places = list(_places(points, settings, start_ms, across))
    places.sort(key=lambda place: place[0])
    if not places:
        return Drawing(line="", raw="", dots="", marks="", odd=0, low="", high="", first="", last="")
    smooth = _scaled(_smooth(places, settings.smoothing), settings)
    raw = _scaled(places, settings) if settings.smoothing else []
    odd = [x for x, y in smooth if y is None]
    values = [y for _, y in (*smooth, *raw) if y is not None]
    left, right = places[0][0], places[-1][0]
    low, high = _limits(values, settings)
    line, dots = _path(smooth, (left, right), (low, high))
    return Drawing(
        line=line,
        raw=_path(raw, (left, right), (low, high))[0],
        dots=dots,
        marks="".join(f"M{_part(x, left, right) * WIDTH:.1f} {HEIGHT - 4}h0" for x in odd),
        odd=len(odd),
        low=_value(low, settings) if values else "",
        high=_value(high, settings) if values else "",
        first=_place(left, settings),
        last=_place(right, settings),
    )


_Place = tuple[float, float | None]
"""Where a point lies: across, and its value; None for one that is no finite number."""


def _places(
    points: Sequence[SeriesPoint], settings: LineSettings, start_ms: int, across: Sequence[SeriesPoint]
) -> Iterator[_Place]:
    steps = [point.step for point in across]
    for point in points:
        value = point.value if math.isfinite(point.value) else None
        if settings.across_metric:
            # What the other metric was by then.
            place = bisect_right(steps, point.step) - 1
            if place >= 0 and math.isfinite(across[place].value):
                yield across[place].value, value
        elif settings.axis == "step":
            yield point.step, value
        elif settings.axis == "time":
            yield point.timestamp_ms, value
        else:
            yield (point.timestamp_ms - start_ms) / 1000, value


def _smooth(places: Sequence[_Place], smoothing: float) -> list[_Place]:
    """The exponential mean, without the pull of the zero that it begins with."""
    if not smoothing:
        return list(places)
    smoothed: list[_Place] = []
    mean, weight = 0.0, 0.0
    for x, y in places:
        if y is not None:
            mean = smoothing * mean + (1 - smoothing) * y
            weight = smoothing * weight + (1 - smoothing)
        smoothed.append((x, None if y is None else mean / weight))
    return smoothed


def _scaled(places: Sequence[_Place], settings: LineSettings) -> list[_Place]:
    if not settings.is_log:
        return list(places)
    return [(x, math.log10(y) if y is not None and y > 0 else None) for x, y in places]


def _limits(values: Sequence[float], settings: LineSettings) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    ordered = sorted(values)
    cut = int(len(ordered) * _OUTLIERS) if settings.without_outliers else 0
    low, high = ordered[cut], ordered[-1 - cut]
    # What arithmetic alone makes different is not a curve.
    is_flat = high / 2 - low / 2 <= _NOISE * max(abs(low), abs(high))
    return (low, low) if is_flat else (low, high)


def _path(
    places: Sequence[_Place], across: tuple[float, float], values: tuple[float, float]
) -> tuple[str, str]:
    """Lines between neighbours, broken where a value is no number; and the points that stand alone."""
    lines: list[str] = []
    dots: list[str] = []
    for is_number, group in groupby(places, key=lambda place: place[1] is not None):
        if not is_number:
            continue
        corners = [_corner(x, y, across, values) for x, y in group if y is not None]
        if len(corners) == 1:
            dots.append(f"M{corners[0]}h0")
        else:
            lines.append(f"M{corners[0]}L{' '.join(corners[1:])}")
    return "".join(lines), "".join(dots)


def _corner(x: float, y: float, across: tuple[float, float], values: tuple[float, float]) -> str:
    down = 1 - _MARGIN - (1 - 2 * _MARGIN) * _part(y, *values)
    # Far outside of the box is as good as anywhere outside.
    return f"{_part(x, *across) * WIDTH:.1f} {max(-1.0, min(2.0, down)) * HEIGHT:.1f}"


def _part(value: float, low: float, high: float) -> float:
    """How far `value` is from `low` to `high`; the middle where they are the same."""
    width = high / 2 - low / 2  # halves, since the difference may be more than a number can be
    return (value / 2 - low / 2) / width if width > 0 else 0.5


def _value(value: float, settings: LineSettings) -> str:
    return wording.number(10**value if settings.is_log else value)


def _place(value: float, settings: LineSettings) -> str:
    if settings.across_metric:
        return wording.number(value)
    if settings.axis == "time":
        return wording.moment(int(value))
    if settings.axis == "relative":
        return wording.span(0, int(1000 * value), 0)
    return wording.count(int(value))
