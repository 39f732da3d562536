"""Charts of an experiment's runs, as the server answers them."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_server.errors import InvalidParameter
from tracking_server.ui.charts import chart_list
from tracking_server.ui.charts.chart_list import BANDS, KINDS, Chart
from tracking_server.ui.runs.columns import Column

PAGE = "/experiments/0/charts"


@pytest.fixture
def runs(api: Any) -> list[str]:
    """Three runs with a curve, a single value and a parameter."""
    made = []
    for number in range(3):
        run_id = api.run(run_name=f"run-{number}", start_time=1000 + number)
        points = [{"key": "loss", "value": number + step, "timestamp": 1, "step": step} for step in range(3)]
        points.append({"key": "score", "value": 0.123456789 + number, "timestamp": 1})
        params = [{"key": "lr", "value": f"0.{number}"}]
        api.post("runs/log-batch", run_id=run_id, metrics=points, params=params)
        made.append(run_id)
    return made


def page(api: Any, path: str = PAGE, **query: Any) -> str:
    reply = api.http.get(path, params=query or None)
    assert reply.status_code == 200, reply.text
    return str(reply.text)


def charts_in(text: str) -> list[tuple[str, str]]:
    """Kind and title of each chart of a page."""
    found = re.findall(r'data-kind="(\w+)" data-title="([^"]*)"', text)
    return [(kind, html.unescape(title)) for kind, title in found]


def test_without_a_choice_curves_are_lines_and_single_values_bars(api: Any, runs: list[str]) -> None:
    assert charts_in(page(api)) == [("line", "loss"), ("bar", "score")]


def test_the_values_behind_the_charts_stand_in_a_table(api: Any, runs: list[str]) -> None:
    text = page(api, chart="kind=scatter&x=params.lr&y=metrics.score")

    assert re.findall(r'data-column="([^"]+)"', text) == ["params.lr", "metrics.score"]
    assert '<td class="number" data-value="2.123456789">2.12346</td>' in text
    assert '<td class="clip">0.2</td>' in text


def test_runs_are_those_of_the_filter_or_those_chosen(api: Any, runs: list[str]) -> None:
    def shown(**query: Any) -> list[str]:
        return re.findall(r'<tr data-run="[^"]+" data-name="([^"]+)"', page(api, **query))

    assert shown() == ["run-2", "run-1", "run-0"]
    assert shown(order="metrics.loss ASC") == ["run-0", "run-1", "run-2"]
    assert shown(filter="params.lr = '0.1'") == ["run-1"]
    assert shown(run=[runs[2], runs[0], "nope"]) == ["run-2", "run-0"]
    assert shown(runs=1) == ["run-2"]


def test_a_filter_or_a_chart_that_is_wrong_is_explained_and_the_rest_is_shown(
    api: Any, runs: list[str]
) -> None:
    broken = page(api, filter="metrics.loss >", chart="kind=bar&y=metrics.loss")
    unknown = page(api, chart=["kind=pie&y=metrics.loss", "kind=bar&y=metrics.loss"])
    pattern = page(api, search="(")

    assert 'role="alert"' in broken
    assert charts_in(broken) == [("bar", "loss")]
    assert "There is no kind of charts &#39;pie&#39;" in unknown
    assert charts_in(unknown) == [("bar", "loss")]
    assert "This pattern is wrong" in pattern


def test_a_pattern_finds_charts_by_their_titles(api: Any, runs: list[str]) -> None:
    assert charts_in(page(api, search="^S")) == [("bar", "score")]
    assert "No chart has such a title" in page(api, search="nothing")


def test_the_form_adds_a_chart_to_those_that_are_there(api: Any, runs: list[str]) -> None:
    query = {"filter": "params.lr != ''", "add": "line", "add_y": "metrics.loss", "add_group": "params.lr"}
    reply = api.http.get(PAGE, params={**query, "add_band": "std"})

    assert reply.status_code == 302
    fields = parse_qs(urlsplit(reply.headers["location"]).query)
    assert fields == {
        "filter": ["params.lr != ''"],
        "chart": [
            "kind=line&y=metrics.loss",
            "kind=bar&y=metrics.score",
            "kind=line&y=metrics.loss&group=params.lr&band=std",
        ],
    }


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"add": "line", "add_y": "params.lr"}, "&#39;Metric&#39; must be metrics.NAME"),
        ({"add": "scatter", "add_x": "params.lr"}, "&#39;Upwards&#39; must be"),
        ({"add": "parallel", "add_axis": "params.lr"}, "two axes or more"),
        ({"add": "images"}, "Name the images"),
        ({"add": "line", "add_y": "metrics.loss", "add_group": "params.lr", "add_band": "x"}, "A band is"),
        ({"add": "bar", "add_y": "max:metrics.loss"}, "cannot be"),
    ],
)
def test_a_form_that_is_not_filled_in_is_explained(
    api: Any, runs: list[str], fields: dict[str, str], word: str
) -> None:
    assert word in page(api, **fields)


def test_each_chart_can_be_removed_down_to_none(api: Any, runs: list[str]) -> None:
    text = page(api)
    while match := re.search(r'class="remove" href="([^"]+)"', text):
        text = page(api, html.unescape(match[1]))

    assert "No chart yet" in text


def test_a_chart_is_moved_by_links_and_no_other_is_lost(api: Any, runs: list[str]) -> None:
    written = ["kind=bar&y=metrics.score", "kind=bar&y=metrics.loss", "kind=line&y=metrics.loss"]
    text = page(api, chart=written)

    def after(label: str, text: str) -> list[tuple[str, str]]:
        match = re.search(rf'<a href="([^"]+)"[^>]*aria-label="{label}"', text)
        assert match is not None
        return charts_in(page(api, html.unescape(match[1])))

    score, bar, line = ("bar", "score"), ("bar", "loss"), ("line", "loss")
    assert charts_in(text) == [score, bar, line]
    assert after("Move score back", text) == [bar, score, line]
    assert text.count('aria-label="Move loss forward"') == 2
    assert after("Move loss forward", text) == [bar, score, line]
    assert text.count("Move score forward") == 0
    found = page(api, chart=written, search="^l")
    assert charts_in(found) == [bar, line]
    assert "Move loss back" in found
    moved = re.search(r'<a href="([^"]+)"[^>]*aria-label="Move loss back"', found)
    removed = re.search(r'class="remove" href="([^"]+)"', found)
    assert moved is not None
    assert removed is not None
    for link, left in ((moved, [score, line, bar]), (removed, [score, line])):
        path, _, query = html.unescape(link[1]).partition("?")
        kept = parse_qs(query.partition("#")[0])["chart"]
        assert charts_in(page(api, path, chart=kept)) == left


def test_images_are_shown_at_a_step_of_the_runs_that_have_them(api: Any, runs: list[str]) -> None:
    for run_id, steps in ((runs[0], (0, 5, 10)), (runs[1], (5,))):
        api.post("runs/set-tag", run_id=run_id, key="mlflow.loggedImages", value="True")
        for step in steps:
            name = f"images/val~dogs+step+{step}+timestamp+1700000000000+abc-{step}.png"
            api.http.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{name}", content=b"x")
    chart = "kind=images&key=val/dogs"

    last, earlier = page(api, chart=chart), page(api, chart=chart, step=7)

    assert re.findall(r'alt="([^"]+)"', last) == [
        "val/dogs of run-1 at step 5",
        "val/dogs of run-0 at step 10",
    ]
    assert re.findall(r'alt="([^"]+)"', earlier) == [
        "val/dogs of run-1 at step 5",
        "val/dogs of run-0 at step 5",
    ]
    assert 'min="0" max="10" value="7"' in earlier
    source = re.search(r'<img src="([^"]+)"', last)
    assert source is not None
    assert api.http.get(html.unescape(source[1])).content == b"x"


def test_what_clients_stored_is_never_a_part_of_the_page(api: Any) -> None:
    evil = '"><script>alert(1)</script>'
    run_id = api.run(run_name=evil)
    api.post("runs/set-tag", run_id=run_id, key="team", value=evil)
    chart = urlencode({"kind": "bar", "y": f"tags.team{evil}"})

    text = page(api, chart=[chart, "kind=scatter&x=tags.team&y=tags.team"], filter=evil, search=evil)

    assert "<script>" not in text
    assert "style=" not in text


def test_an_experiment_without_runs_teaches_how_to_make_one(api: Any) -> None:
    assert "runner run -e train ." in page(api)


_COLUMNS = st.builds(
    Column, entity=st.sampled_from(["metrics", "params", "tags"]), key=st.text(min_size=1, max_size=20)
)


@given(
    kind=st.sampled_from(["bar", "scatter", "contour", "box", "histogram"]),
    columns=st.lists(_COLUMNS, min_size=4, max_size=4),
)
def test_a_chart_is_read_as_it_was_written(kind: str, columns: list[Column]) -> None:
    fields = [*KINDS[kind].needed, *KINDS[kind].optional]
    chart = Chart(kind=kind, columns=dict(zip(fields, columns, strict=False)))
    kept = all(column.name == column.name.strip() for column in columns)

    try:
        read = chart_list.read(chart.written)
    except InvalidParameter:
        assert not kept
    else:
        assert read == chart or not kept


@given(axes=st.lists(_COLUMNS, min_size=2, max_size=5, unique=True))
def test_axes_are_read_as_they_were_written(axes: list[Column]) -> None:
    chart = Chart(kind="parallel", axes=tuple(axes))
    plain = all("," not in column.key and column.name == column.name.strip() for column in axes)

    if plain:
        assert chart_list.read(chart.written) == chart


@given(st.text(max_size=60))
def test_any_text_is_a_chart_or_refused(text: str) -> None:
    try:
        found = chart_list.read(text)
    except InvalidParameter:
        return
    assert found.kind in KINDS
    assert found.band in ("", *BANDS)
