"""Charts of a run and `/series`, as the server answers them."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_server.store.series import SeriesPoint
from tracking_server.ui.charts.curve import HEIGHT, WIDTH, drawn
from tracking_server.ui.charts.sections import sections
from tracking_server.ui.charts.series_address import MOST_POINTS, MOST_RUNS
from tracking_server.ui.charts.settings import LineSettings


def log(api: Any, run_id: str, key: str, values: list[float | str], *, start_ms: int = 1000) -> None:
    """Logs values at the steps 0, 1, 2, …, a second apart."""
    for first in range(0, len(values), 1000):
        points = [
            {"key": key, "value": value, "timestamp": start_ms + 1000 * step, "step": step}
            for step, value in enumerate(values[first : first + 1000], first)
        ]
        api.post("runs/log-batch", run_id=run_id, metrics=points)


def series(api: Any, **query: Any) -> Any:
    reply = api.http.get("/series", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def page(api: Any, path: str, **query: str) -> str:
    reply = api.http.get(path, params=query or None)
    assert reply.status_code == 200, reply.text
    return str(reply.text)


def test_a_series_comes_as_columns_with_what_is_no_number_as_words(api: Any) -> None:
    run_id = api.run(run_name="the run", start_time=1000)
    log(api, run_id, "loss", [1.5, "NaN", "Infinity", "-Infinity", 0.25])

    found = series(api, run=run_id, metric="loss")

    assert (found["metric"], found["x"]) == ("loss", "step")
    (only,) = found["series"]
    assert only["values"] == [1.5, "NaN", "Infinity", "-Infinity", 0.25]
    assert only["steps"] == [0, 1, 2, 3, 4]
    assert only["timestamps"] == [1000, 2000, 3000, 4000, 5000]
    assert (only["run_name"], only["status"], only["start_time"]) == ("the run", "RUNNING", 1000)
    assert (only["total"], only["whole"]) == (5, True)


def test_a_series_has_at_most_the_points_asked_for_and_its_peak(api: Any) -> None:
    run_id = api.run()
    log(api, run_id, "loss", [99.0 if step == 1234 else 1.0 + step / 1e6 for step in range(3000)])

    (only,) = series(api, run=run_id, metric="loss", points=50)["series"]

    assert len(only["values"]) <= 50
    assert (only["total"], only["whole"]) == (3000, False)
    assert only["values"][only["steps"].index(1234)] == 99.0


@pytest.mark.parametrize(
    ("axis", "low", "high"), [("step", 10, 19), ("time", 11_000, 20_000), ("relative", 10, 19)]
)
def test_a_part_of_a_series_is_a_range_of_what_stands_across(
    api: Any, axis: str, low: int, high: int
) -> None:
    run_id = api.run(start_time=1000)
    log(api, run_id, "loss", [float(step) for step in range(100)])

    query = {"run": run_id, "metric": "loss", "x": axis, "from": low, "to": high}
    (part,) = series(api, **query)["series"]
    (rest,) = series(api, **{**query, "to": ""})["series"]

    assert part["steps"] == list(range(10, 20))
    assert rest["steps"] == list(range(10, 100))


def test_several_runs_are_answered_in_the_order_asked_for(api: Any) -> None:
    one, two = api.run(), api.run()
    log(api, one, "loss", [1.0])

    found = series(api, run=[two, one, two], metric="loss")["series"]

    assert [(each["run_id"], each["values"]) for each in found] == [(two, []), (one, [1.0])]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({}, "Name 1 to 100 runs"),
        ({"run": [f"{number:032x}" for number in range(MOST_RUNS + 1)], "metric": "m"}, "Name 1 to 100 runs"),
        ({"run": "r"}, "Name a metric"),
        ({"run": "r", "metric": "m", "points": MOST_POINTS + 1}, "'points'"),
        ({"run": "r", "metric": "m", "points": "2.5"}, "'points'"),
        ({"run": "r", "metric": "m", "x": "colour"}, "'x' must be one of"),
        ({"run": "r", "metric": "m", "from": "nan"}, "'from' must be a number"),
        ({"run": "r", "metric": "m", "from": 2, "to": 1}, "'from' must not be greater"),
    ],
)
def test_a_question_for_series_that_is_wrong_is_explained(api: Any, query: dict[str, Any], word: str) -> None:
    reply = api.http.get("/series", params=query)

    assert reply.status_code == 400
    assert reply.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert word in reply.json()["message"]


def test_series_of_a_run_that_is_not_there_are_not_found(api: Any) -> None:
    reply = api.http.get("/series", params={"run": "nope", "metric": "m"})

    assert (reply.status_code, reply.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_any_bounds_of_a_part_are_answered(api: Any) -> None:
    run_id = api.run()
    log(api, run_id, "loss", [1.0])
    for bound in ("1e308", "-1e308", "9223372036854775807", "-9223372036854775808", "0.5"):
        for axis in ("step", "time", "relative"):
            series(api, run=run_id, metric="loss", x=axis, **{"from": bound})
            series(api, run=run_id, metric="loss", x=axis, to=bound)


def test_metrics_are_in_sections_with_the_machines_folded_at_the_end() -> None:
    found = sections(["val/loss", "system/cpu", "loss", "train/a/b", "/odd", "train/loss", "zeta"])

    assert [(section.prefix, section.names, section.is_folded) for section in found] == [
        ("", ("/odd", "loss", "val/loss", "zeta"), False),
        ("train", ("train/a/b", "train/loss"), False),
        ("system", ("system/cpu",), True),
    ]


def test_the_page_draws_the_first_twelve_and_names_all(api: Any) -> None:
    run_id = api.run()
    metrics = [{"key": f"m{number:03}", "value": 1, "timestamp": 1} for number in range(300)]
    api.post("runs/log-batch", run_id=run_id, metrics=metrics)

    html = page(api, f"/runs/{run_id}/charts")

    assert 1 <= html.count("<svg") <= 12
    assert html.count("<figure") == 300
    assert "300 metrics" in html


def test_a_long_series_is_drawn_as_a_preview_which_a_script_replaces(api: Any) -> None:
    run_id = api.run()
    log(api, run_id, "short", [1.0, 2.0])
    for start in range(0, 50_000, 1000):
        points = [
            {"key": "long", "value": number % 7, "timestamp": number, "step": number}
            for number in range(start, start + 1000)
        ]
        api.post("runs/log-batch", run_id=run_id, metrics=points)

    html = page(api, f"/runs/{run_id}/charts")
    zoomed = page(api, f"/runs/{run_id}/charts", **{"from": "100", "to": "3000"})

    note = '<noscript><p class="quiet small">Points of a long series; peaks between them are not shown.'
    drawn = re.findall(r'<figure[^>]*data-metric="(\w+)".*?</figure>', html, flags=re.DOTALL)
    assert drawn == ["long", "short"]
    assert html.count("<svg") == 2
    assert html.count(note) == 1
    assert html.index(note) < html.index('data-metric="short"')
    assert note not in zoomed


def test_a_drawing_says_its_axes_and_last_value_as_text(api: Any) -> None:
    run_id = api.run()
    log(api, run_id, "train/loss", [4.0, "NaN", 1.0, 2.5])

    html = page(api, f"/runs/{run_id}/charts")

    assert "<title>train/loss from 1 to 4, last 2.5, 1 without a place on this axis</title>" in html
    assert '<span class="high">4</span><span class="low">1</span>' in html
    assert "<span>0</span><span>step</span><span>3</span>" in html
    assert "style=" not in html


def test_a_pattern_leaves_the_metrics_it_finds(api: Any) -> None:
    run_id = api.run()
    metrics = [{"key": key, "value": 1, "timestamp": 1} for key in ("train/loss", "val/loss", "val/acc")]
    api.post("runs/log-batch", run_id=run_id, metrics=metrics)

    found = page(api, f"/runs/{run_id}/charts", search="^VAL/|nothing")
    broken = page(api, f"/runs/{run_id}/charts", search="va(l")
    none = page(api, f"/runs/{run_id}/charts", search="xyz")

    assert re.findall(r'data-metric="([^"]+)"', found) == ["val/acc", "val/loss"]
    assert "2 of 3 metrics" in found
    assert "This pattern is wrong at character 5" in broken
    assert broken.count("<figure") == 3
    assert "No metric matches" in none


def test_a_name_leads_to_its_chart_alone(api: Any) -> None:
    run_id = api.run()
    metrics = [{"key": key, "value": 1, "timestamp": 1} for key in ("a.b", "acb", "a.b/c")]
    api.post("runs/log-batch", run_id=run_id, metrics=metrics)

    html = page(api, f"/runs/{run_id}/charts")
    link = re.search(r'href="([^"]+)"[^>]*>a.b</a>', html)

    assert link is not None
    alone = page(api, link[1].replace("&amp;", "&"))
    assert re.findall(r'data-metric="([^"]+)"', alone) == ["a.b"]


def test_settings_of_the_address_are_drawn_and_shown_in_the_form(api: Any) -> None:
    run_id = api.run(start_time=1000)
    log(api, run_id, "loss", [1.0, 10.0, 100.0])
    log(api, run_id, "epoch", [5.0, 6.0, 7.0])

    across = page(api, f"/runs/{run_id}/charts", x="metric:epoch", search="loss")
    relative = page(api, f"/runs/{run_id}/charts", x="relative", log="1", smooth="0.5", outliers="0")
    wrong = page(api, f"/runs/{run_id}/charts", x="colour")

    assert "<span>5</span><span>epoch</span><span>7</span>" in across
    assert '<option value="metric:epoch" selected>' in across
    assert "<span>0 ms</span><span>since the start</span><span>2.0 s</span>" in relative
    assert 'value="0.5"' in relative
    assert 'name="log" value="1" checked' in relative
    assert 'name="outliers" value="0" checked' in relative
    assert "&#39;x&#39; is one of" in wrong


def test_a_part_of_the_axis_is_drawn_by_the_server_too(api: Any) -> None:
    run_id = api.run(start_time=1000)
    log(api, run_id, "loss", [float(step) for step in range(100)])

    steps = page(api, f"/runs/{run_id}/charts", **{"from": "10", "to": "20"})
    seconds = page(api, f"/runs/{run_id}/charts", x="relative", **{"from": "10", "to": "20"})

    assert "<span>10</span><span>step</span><span>20</span>" in steps
    assert "<span>10.0 s</span><span>since the start</span><span>20.0 s</span>" in seconds


def test_a_run_without_metrics_teaches_how_to_log_one(api: Any) -> None:
    html = page(api, f"/runs/{api.run()}/charts")

    assert "No metrics yet" in html
    assert "log_metric(" in html


_FINITE = st.floats(-1e308, 1e308)
_VALUES = st.one_of(_FINITE, st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 5e-324]))
_SETTINGS = st.builds(
    LineSettings,
    axis=st.sampled_from(["step", "time", "relative"]),
    across_metric=st.sampled_from(["", "other"]),
    smoothing=st.sampled_from([0.0, 0.5, 0.99]),
    is_log=st.booleans(),
    without_outliers=st.booleans(),
)
_POINTS = st.lists(
    st.builds(SeriesPoint, st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), _VALUES),
    max_size=30,
)


@given(points=_POINTS, settings=_SETTINGS, across=_POINTS, start_ms=st.integers(0, 2**62))
def test_any_points_are_drawn_within_reach_of_the_box(
    points: list[SeriesPoint], settings: LineSettings, across: list[SeriesPoint], start_ms: int
) -> None:
    found = drawn(points, settings, start_ms=start_ms, across=sorted(across))

    for data in (found.line, found.raw, found.dots, found.marks):
        for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", data):
            assert 0 <= float(x) <= WIDTH
            assert -HEIGHT <= float(y) <= 2 * HEIGHT
        assert "nan" not in data
        assert "inf" not in data


@given(values=st.lists(_FINITE, min_size=2, max_size=30))
def test_the_least_and_the_greatest_value_reach_the_ends_of_the_box(values: list[float]) -> None:
    found = drawn(
        [SeriesPoint(step, 0, value) for step, value in enumerate(values)], LineSettings(), start_ms=0
    )
    heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", found.line)]

    if max(values) / 2 - min(values) / 2 > 1e-9 * max(map(abs, values)):
        assert (min(heights), max(heights)) == (5.0, 95.0)
    else:
        assert min(heights) >= 5.0
        assert max(heights) <= 95.0
