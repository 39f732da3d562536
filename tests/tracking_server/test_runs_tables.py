"""What tables of runs are read from, on every database: names, values, extremes, counts."""

from __future__ import annotations

import csv
import json
import math
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_server.query.parser import parse_filter
from tracking_server.query.tree import Comparison
from tracking_server.query.vocabulary import RUNS
from tracking_server.ui import averages
from tracking_server.ui.runs import columns
from tracking_server.ui.runs.run_table import nested

PARENT = "mlflow.parentRunId"


def log(api: Any, run_id: str, **data: dict[str, Any]) -> None:
    params = [{"key": key, "value": str(value)} for key, value in data.get("params", {}).items()]
    metrics = [
        {"key": key, "value": value, "timestamp": step, "step": step}
        for key, values in data.get("metrics", {}).items()
        for step, value in enumerate(values)
    ]
    tags = [{"key": key, "value": value} for key, value in data.get("tags", {}).items()]
    api.post("runs/log-batch", run_id=run_id, params=params, metrics=metrics, tags=tags)


def exported(api: Any, query: str) -> list[dict[str, Any]]:
    reply = api.http.get(f"/experiments/0/runs.json?{query}")
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = json.loads(reply.text)
    return found


def test_all_names_of_an_experiment_are_found_and_none_of_others(api: Any) -> None:
    log(
        api,
        api.run(),
        params={"b": 1, "a": 1, "a b": 1},
        metrics={"z": [1], "val/loss": [1]},
        tags={"team": "x"},
    )
    log(api, api.run(), params={"a": 2, "C": 2}, metrics={"z": [2]}, tags={"Team": "y"})
    log(api, api.run(api.experiment("other")), params={"foreign": 1}, metrics={"foreign": [1]})

    words = api.http.get("/experiments/0/words").json()

    assert words["params"] == ["params.C", "params.a", "params.`a b`", "params.b"]
    assert words["metrics"] == ["metrics.val/loss", "metrics.z"]
    assert [name for name in words["tags"] if "mlflow" not in name] == ["tags.Team", "tags.team"]
    assert "status" in words["attributes"]


def test_the_values_of_a_parameter_and_of_a_tag_are_found(api: Any) -> None:
    for value in ("sgd", "adam", "it's", "adam"):
        log(api, api.run(), params={"optimizer of mine": value}, tags={"team": value.upper()})

    params = api.http.get("/experiments/0/values", params={"of": "params.`optimizer of mine`"}).json()
    tags = api.http.get("/experiments/0/values", params={"of": "tags.team"}).json()

    assert params == ["adam", "it's", "sgd"]
    assert tags == ["ADAM", "IT'S", "SGD"]


def test_values_of_metrics_are_not_listed(api: Any) -> None:
    for asked in ("metrics.loss", "params.", "", "nothing"):
        assert api.http.get("/experiments/0/values", params={"of": asked}).status_code == 400


def test_chosen_columns_hold_what_runs_have_of_them(api: Any) -> None:
    run = api.run(run_name="one", user_id="ann")
    log(api, run, params={"lr": "0.1"}, metrics={"loss": [3, 1, 2], "nan": ["NaN"]}, tags={"team": "blue"})
    api.run(run_name="bare")

    wanted = ["metrics.loss", "min:metrics.loss", "max:metrics.loss", "metrics.nan", "min:metrics.nan",
              "params.lr", "tags.team", "attributes.user_id", "params.none"]  # fmt: skip
    records = {
        record["run_name"]: record for record in exported(api, "&".join(f"column={name}" for name in wanted))
    }

    assert [records["one"][name] for name in wanted] == [2, 1, 3, "NaN", None, "0.1", "blue", "ann", None]
    assert [records["bare"][name] for name in wanted if name != "attributes.user_id"] == [None] * 8


def test_nested_runs_are_exported_where_they_are_shown(api: Any) -> None:
    parent = api.run(run_name="sweep", start_time=1)
    child = api.run(run_name="trial", start_time=2, tags=[{"key": PARENT, "value": parent}])
    api.run(run_name="fold", start_time=3, tags=[{"key": PARENT, "value": child}])
    deleted = api.run(run_name="deleted", start_time=4, tags=[{"key": PARENT, "value": parent}])
    api.post("runs/delete", run_id=deleted)

    def names(query: str) -> list[str]:
        return [record["run_name"] for record in exported(api, query)]

    assert names("") == ["sweep"]
    assert names(f"open={parent}") == ["sweep", "trial"]
    assert names("open=all") == ["sweep", "trial", "fold"]
    assert names("flat=1") == ["fold", "trial", "sweep"]
    assert names("view=deleted&flat=1") == ["deleted"]


def test_nested_runs_stand_in_the_order_of_the_table(api: Any) -> None:
    parent = api.run(run_name="sweep", start_time=1)
    for number, loss in enumerate((2, 3, 1)):
        child = api.run(
            run_name=f"trial {loss}", start_time=2 + number, tags=[{"key": PARENT, "value": parent}]
        )
        log(api, child, metrics={"loss": [loss]})

    for order, expected in (
        ("", [2, 3, 1]),
        ("metrics.loss ASC", [1, 2, 3]),
        ("metrics.loss DESC", [3, 2, 1]),
    ):
        found = [record["run_name"] for record in exported(api, f"open=all&order={order}")]
        assert found == ["sweep", *(f"trial {loss}" for loss in expected)]


def test_an_export_goes_on_over_pages_and_defuses_formulas(api: Any) -> None:
    for number in range(7):
        run = api.run(run_name=f"=run {number}", start_time=number)
        log(api, run, params={"cmd": "=cmd()"}, metrics={"loss": [-number]})

    reply = api.http.get("/experiments/0/runs.csv")
    lines = list(csv.reader(reply.text.splitlines()))

    assert reply.headers["content-disposition"] == 'attachment; filename="runs.csv"'
    assert lines[0] == ["Run", "Id", "Status", "Started", "Duration (s)", "loss", "cmd"]
    assert [line[0] for line in lines[1:]] == [f"'=run {number}" for number in range(6, -1, -1)]
    assert {line[6] for line in lines[1:]} == {"'=cmd()"}
    assert lines[1][5] == "-6.0"


def test_a_wrong_filter_is_said_before_an_export_begins(api: Any) -> None:
    assert api.http.get("/experiments/0/runs.csv?filter=nothing+%3D").status_code == 400


def test_groups_come_with_their_aggregates(api: Any) -> None:
    for optimizer, loss in (("adam", 1), ("adam", 3), ("sgd", 5), (None, 7)):
        log(
            api,
            api.run(),
            params={} if optimizer is None else {"opt": optimizer},
            metrics={"loss": [loss, loss]},
        )

    html = api.http.get("/experiments/0?group=params.opt").text

    assert html.index(">adam</a>") < html.index(">sgd</a>")
    assert 'title="mean of 2: 2.0, standard deviation 1.41421">2</td>' in html
    assert "params.%60opt%60+IS+NULL" in html


def test_counts_of_experiments_leave_deleted_runs_out(api: Any) -> None:
    deleted = api.run(start_time=1)
    api.post("runs/delete", run_id=deleted)
    api.run(start_time=1)
    api.run()

    html = api.http.get("/").text

    assert '<td class="number">2</td>' in html
    assert '<span class="status running">2</span>' in html


@pytest.mark.parametrize(
    "name",
    ["", "lr", "params.", "min:params.lr", "attributes.nothing", "sum:metrics.x", ":metrics.x", "min:"],
)
def test_an_address_that_names_no_column_is_passed_over(name: str) -> None:
    assert columns.read(name) is None


@given(
    st.sampled_from(["metrics", "params", "tags"]),
    st.text(min_size=1, max_size=30),
    st.sampled_from(["", "min"]),
)
def test_every_column_is_read_back_from_its_name_and_can_be_sorted_by(
    entity: Any, key: str, reduction: Any
) -> None:
    column = columns.Column(entity=entity, key=key, reduction=reduction if entity == "metrics" else "")

    assert columns.read(column.name) == column
    if not column.reduction:
        operator = "=" if entity != "metrics" else ">"
        comparison = parse_filter(
            f"{column.order} {operator} {'0' if entity == 'metrics' else repr('')}", RUNS
        )
        assert isinstance(comparison, Comparison)
        assert comparison.key == key


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 12)), unique_by=lambda pair: pair[0]))
def test_every_run_is_in_the_tree_once_and_under_its_parent(pairs: list[tuple[int, int | None]]) -> None:
    runs = [(str(run), None if parent is None else str(parent)) for run, parent in pairs]

    placed = nested(runs)

    assert sorted(run for run, _ in placed) == sorted(run for run, _ in runs)
    depths = dict(placed)
    for run, parent in runs:
        if depths[run] > 0:
            assert parent is not None
            assert depths[run] == depths[parent] + 1


def test_groups_of_endless_and_huge_numbers_have_a_mean_of_those_that_are_finite(api: Any) -> None:
    for value in ("Infinity", "-Infinity", "NaN", 1.7e308, 1.5e308):
        run = api.run(tags=[{"key": "team", "value": "blue"}])
        api.post("runs/log-metric", run_id=run, key="m", value=value, timestamp=1)

    html = api.http.get("/experiments/0?group=tags.team").text

    assert "1.6e+308" in html


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2))
def test_means_lie_between_the_least_and_the_greatest_whatever_their_sum(values: list[float]) -> None:
    assert min(values) <= averages.mean(values) <= max(values) or math.isclose(
        averages.mean(values), max(values), abs_tol=5e-324
    )
    assert 0 <= averages.deviation(values) < math.inf


def test_no_cookie_is_made_for_what_is_no_experiment(api: Any) -> None:
    for name in ("x; Domain=evil.example", "x\r\nSet-Cookie: a=b", "é"):
        reply = api.http.post(f"/experiments/{quote(name, safe='')}/columns", data={"column": "params.lr"})

        assert reply.status_code in (400, 404)
        assert "set-cookie" not in reply.headers
