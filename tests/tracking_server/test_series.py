"""Series as charts read them: few points, and every peak among them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking_server.store import metric_keys, metrics, runs, series
from tracking_server.store.metric_points import MetricPoint
from tracking_server.store.series import Axis, Series, SeriesPoint

Points = list[tuple[int, int, float]]
"""Triples of step, timestamp and value."""

MOST = 20
_STEPS = st.one_of(st.integers(0, 30), st.integers(-(2**63), 2**63 - 1))
_TIMES = st.one_of(
    st.integers(0, 5), st.integers(1_700_000_000_000, 1_700_000_100_000), st.integers(0, 2**62)
)
_VALUES = st.one_of(st.sampled_from([0.5, math.nan, math.inf, -math.inf]), st.floats(-1e300, 1e300))
_SERIES = st.lists(st.tuples(_STEPS, _TIMES, _VALUES), min_size=1, max_size=120)


@pytest.fixture
def read(api: Any) -> Callable[..., Series]:
    """Logs a series to a new run, and reads it as a chart does."""
    database = api.application.database

    def logged_and_read(points: Points, reads: Callable[..., Any] = series.read, **options: Any) -> Any:
        run_id = api.run()

        def log(connection: Any) -> None:
            row = runs.find(connection, run_id)
            new = [
                MetricPoint(key="m", step=step, timestamp_ms=at, value=value) for step, at, value in points
            ]
            metrics.store(connection, row, new)

        def found(connection: Any) -> Any:
            key = metric_keys.find(connection, ["m"])["m"]
            return reads(connection, runs.find(connection, run_id).id, key, **{"most": MOST, **options})

        database.write_and_wait(log)
        return database.read_now(found)

    return logged_and_read


def _finite(points: Iterable[tuple[int, int, float]]) -> list[float]:
    return [value for _, _, value in points if math.isfinite(value)]


def _known(points: Iterable[tuple[int, int, float]]) -> set[tuple[int, int, str]]:
    """Points that can be compared, NaN too; a negative zero is stored as any zero."""
    return {(step, at, repr(value + 0.0)) for step, at, value in points}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=_SERIES, axis=st.sampled_from(["step", "time"]))
def test_every_extreme_survives_and_every_point_is_one_that_was_logged(
    read: Callable[..., Series], points: Points, axis: Axis
) -> None:
    found = read(points, axis=axis)

    assert len(found.points) <= MOST
    assert _known(found.points) <= _known(points)
    assert found.total == len(_known(points))
    assert found.is_whole == (found.total <= MOST)
    if found.is_whole:
        assert _known(found.points) == _known(points)
    if _finite(points):
        assert min(_finite(found.points)) == min(_finite(points))
        assert max(_finite(found.points)) == max(_finite(points))
    assert any(not math.isfinite(point.value) for point in found.points) == (
        len(_finite(points)) < len(points)
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=_SERIES, axis=st.sampled_from(["step", "time"]), ends=st.tuples(_STEPS, _STEPS))
def test_a_range_holds_its_extremes_and_nothing_else(
    read: Callable[..., Series], points: Points, axis: Axis, ends: tuple[int, int]
) -> None:
    low, high = min(ends), max(ends)
    place = 0 if axis == "step" else 1
    inside = [point for point in points if low <= point[place] <= high]

    found = read(points, axis=axis, within=(low, high))

    assert _known(found.points) <= _known(inside)
    assert found.total == len(_known(inside))
    if _finite(inside):
        assert min(_finite(found.points)) == min(_finite(inside))
        assert max(_finite(found.points)) == max(_finite(inside))


def test_a_peak_of_one_point_among_many_is_there_with_its_step_and_time(read: Callable[..., Series]) -> None:
    points = [(step, 1000 + step, math.sin(step / 50)) for step in range(5000)]
    points[3217] = (3217, 4217, 99.5)
    points[1201] = (1201, 2201, -99.5)

    found = read(points, most=100)

    assert SeriesPoint(3217, 4217, 99.5) in found.points
    assert SeriesPoint(1201, 2201, -99.5) in found.points
    assert found.points[0] == SeriesPoint(*points[0])
    assert found.points[-1] == SeriesPoint(*points[-1])


def test_a_smaller_range_is_read_in_more_detail_up_to_every_point(read: Callable[..., Series]) -> None:
    points = [(step, 1000 + step, float(step % 7)) for step in range(3000)]

    finer = read(points, most=100, within=(1000, 1300))
    whole = read(points, most=100, within=(1000, 1099))

    assert not finer.is_whole
    assert len(finer.points) > 40
    assert whole.is_whole
    assert [point.step for point in whole.points] == list(range(1000, 1100))


def test_a_run_that_paused_is_as_finely_drawn_before_and_after(read: Callable[..., Series]) -> None:
    week_ms = 7 * 86_400_000
    points = [(step, step + (week_ms if step >= 1500 else 0), float(step % 11)) for step in range(3000)]

    found = read(points, most=200)

    before = [point for point in found.points if point.step < 1500]
    assert 30 < len(before) < len(found.points) - 30


def test_points_of_one_timestamp_are_divided_by_their_steps(read: Callable[..., Series]) -> None:
    found = read([(step, 0, float(step % 13)) for step in range(3000)], most=200)

    steps = [point.step for point in found.points]
    assert len(steps) > 60
    assert steps == sorted(steps)
    assert max(b - a for a, b in zip(steps, steps[1:], strict=False)) < 150


def test_points_are_in_the_order_of_the_axis(read: Callable[..., Series]) -> None:
    points = [(step % 10, step, float(step)) for step in range(15)]

    by_step = [point.step for point in read(points, axis="step").points]
    by_time = [point.timestamp_ms for point in read(points, axis="time").points]

    assert by_step == sorted(by_step)
    assert by_time == sorted(by_time)


def test_a_glimpse_takes_few_points_with_both_ends(read: Callable[..., Any]) -> None:
    def glimpse(count: int) -> list[SeriesPoint]:
        points = [(step, 10 * step, math.nan if step == 1 else step / 7) for step in range(count)]
        return list(read(points, reads=series.glimpse))

    short, long = glimpse(MOST), glimpse(500)

    assert [point.step for point in short] == list(range(MOST))
    assert math.isnan(short[1].value)
    assert (long[0], long[-1]) == (SeriesPoint(0, 0, 0.0), SeriesPoint(499, 4990, 499 / 7))
    assert 15 <= len(long) <= MOST


def test_a_glimpse_of_one_moment_has_its_ends(read: Callable[..., Any]) -> None:
    found = read([(step, 5, 0.5) for step in range(100)], reads=series.glimpse)

    assert {found[0].step, found[-1].step} == {0, 99}
