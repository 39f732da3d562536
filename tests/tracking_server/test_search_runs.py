"""The endpoint runs/search: filters, orders, views and pages."""

from __future__ import annotations

from typing import Any

import pytest

from tracking_server.query.lexer import MAX_LENGTH
from tracking_server.store.searching import candidates, lanes, run_walk


@pytest.fixture
def runs(api: Any) -> dict[str, str]:
    """Five runs by name: ids."""
    facts: dict[str, dict[str, Any]] = {
        "a": {"metrics": {"rmse": 0.1}, "params": {"lr": "0.1"}, "tags": {"kind": "tree"}},
        "b": {"metrics": {"rmse": 0.2}, "params": {"lr": "0.01"}, "tags": {"kind": "TREE"}},
        "c": {"metrics": {"rmse": "NaN"}, "params": {}, "tags": {}},
        "d": {"metrics": {}, "params": {"lr": "0.1"}, "tags": {"kind": "net"}},
        "e": {"metrics": {"rmse": 0.3, "f/1": 1}, "params": {"a b": "x"}, "tags": {}},
    }
    ids = {}
    for start, (name, data) in enumerate(facts.items()):
        ids[name] = api.run(run_name=name, start_time=start, user_id="ann" if start % 2 else "bob")
        api.post(
            "runs/log-batch",
            run_id=ids[name],
            metrics=[{"key": key, "value": value, "timestamp": 1} for key, value in data["metrics"].items()],
            params=[{"key": key, "value": value} for key, value in data["params"].items()],
            tags=[{"key": key, "value": value} for key, value in data["tags"].items()],
        )
    api.post("runs/update", run_id=ids["a"], status="FINISHED", end_time=100)
    api.post("runs/update", run_id=ids["b"], status="FAILED", end_time=50)
    return ids


@pytest.mark.parametrize(
    ("filter_text", "names"),
    [
        ("", "edcba"),
        ("metrics.rmse < 0.25", "ba"),
        ("metrics.rmse != 0.1", "ecb"),
        ("metric.rmse = 0.1 and params.lr = '0.1'", "a"),
        ("metrics.`f/1` >= 1", "e"),
        ('metrics."f/1" >= 1', "e"),
        ("metrics.f/1 >= 1", "e"),
        ('parameters.`a b` = "x"', "e"),
        ("params.lr != '0.1'", "b"),
        ("tags.kind LIKE 'tr%'", "a"),
        ("tags.kind ILIKE 'tr%'", "ba"),
        ("tag.kind LIKE '_et'", "d"),
        ("tags.kind IS NULL", "ec"),
        ("params.lr IS NOT NULL", "dba"),
        ("status = 'FINISHED'", "a"),
        ("attributes.status != 'RUNNING'", "ba"),
        ("attr.run_name IN ('a', 'c')", "ca"),
        ("run_name NOT IN ('a', 'c')", "edb"),
        ("`run name` = 'b'", "b"),
        ("start_time >= 3", "ed"),
        ("end_time > 60", "a"),
        ("NOT end_time > 60", "edcb"),
        ("created < 1", "a"),
        ("user_id = 'ann'", "db"),
        ("metrics.rmse < 0.15 OR tags.kind = 'net'", "da"),
        ("NOT (metrics.rmse > 0.15 or params.lr = '0.1')", "c"),
        ("not metrics.rmse > 0.15 and not tags.kind is null", "da"),
        ("(metrics.rmse > 0.15 OR params.lr = '0.1') AND (user_id = 'bob' OR status = 'FAILED')", "eba"),
        ("metrics.nothing > 1", ""),
        ("NOT metrics.nothing > 1", "edcba"),
    ],
)
def test_filters(api: Any, runs: dict[str, str], filter_text: str, names: str) -> None:
    assert api.search(filter_text) == [runs[name] for name in names]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (["start_time"], "abcde"),
        (["metrics.rmse"], "abecd"),
        (["metrics.rmse DESC"], "ebacd"),
        (["params.lr ASC"], "bdaec"),
        (["params.lr desc", "start_time ASC"], "adbce"),
        (["tags.kind", "run_name"], "bdace"),
        (["end_time"], "baedc"),
        (["end_time DESC"], "abedc"),
        (["attributes.run_name DESC"], "edcba"),
        (["metrics.nothing"], "edcba"),
        (["user_id", "metrics.rmse DESC"], "bdeac"),
    ],
)
def test_orders_put_what_is_absent_last(api: Any, runs: dict[str, str], order: list[str], names: str) -> None:
    assert api.search(order_by=order) == [runs[name] for name in names]


@pytest.mark.parametrize(
    "order",
    [
        [],
        ["metrics.rmse"],
        ["metrics.rmse DESC"],
        ["params.lr"],
        ["end_time DESC"],
        ["tags.kind", "user_id DESC"],
    ],
)
def test_pages_of_every_order_make_up_the_whole(api: Any, runs: dict[str, str], order: list[str]) -> None:
    whole = api.search(order_by=order)
    paged: list[str] = []
    token: str | None = ""
    while token is not None:
        page = api.post("runs/search", experiment_ids=["0"], order_by=order, max_results=2, page_token=token)
        paged += [run["info"]["run_id"] for run in page["runs"]]
        token = page.get("next_page_token")

    assert paged == whole


def test_runs_that_arrive_between_pages_neither_repeat_nor_hide_others(
    api: Any, runs: dict[str, str]
) -> None:
    first = api.post("runs/search", experiment_ids=["0"], max_results=2)
    api.run(start_time=99)
    second = api.post(
        "runs/search", experiment_ids=["0"], max_results=10, page_token=first["next_page_token"]
    )

    assert [run["info"]["run_name"] for run in second["runs"]] == ["c", "b", "a"]


def test_a_page_token_belongs_to_its_search(api: Any, runs: dict[str, str]) -> None:
    token = api.post("runs/search", experiment_ids=["0"], max_results=2)["next_page_token"]

    status, _, message = api.refused(
        "POST", "runs/search", experiment_ids=["0"], max_results=2, page_token=token, order_by=["start_time"]
    )

    assert status == 400
    assert "another search" in message


def test_views(api: Any, runs: dict[str, str]) -> None:
    api.post("runs/delete", run_id=runs["c"])

    assert runs["c"] not in api.search()
    assert api.search(run_view_type="DELETED_ONLY") == [runs["c"]]
    assert len(api.search(run_view_type="ALL")) == 5
    assert api.refused("POST", "runs/search", experiment_ids=["0"], run_view_type="SOME")[0] == 400


def test_only_the_experiments_asked_for(api: Any, runs: dict[str, str]) -> None:
    other = api.experiment()
    run_id = api.run(other)

    assert api.search(experiment_ids=[other]) == [run_id]
    assert len(api.search(experiment_ids=["0", other])) == 6
    assert api.search(experiment_ids=[]) == []
    assert api.search(experiment_ids=["123456"]) == []


@pytest.mark.parametrize("max_results", [0, -1, 50_001])
def test_page_sizes_are_bounded(api: Any, max_results: int) -> None:
    assert api.refused("POST", "runs/search", experiment_ids=["0"], max_results=max_results)[0] == 400


@pytest.mark.parametrize(
    ("filter_text", "hint"),
    [
        ("metrics.a > 'x'", "expected a number"),
        ("params.a > '1'", "cannot be compared by >"),
        ("params.a = 5", "expected a quoted string"),
        ("color = 'red'", "invalid attribute key 'color'"),
        ("foo.bar = 'x'", "unknown entity type 'foo'"),
        ("metrics.a LIKE 'x'", "cannot be compared by LIKE"),
        ("metrics.a IS NULL", "cannot be compared by IS NULL"),
        ("start_time = 'x'", "expected a number"),
        ("metrics.a > 1 metrics.b > 2", "expected AND, OR or the end"),
        ("(metrics.a > 1", "expected a closing parenthesis"),
        ("metrics.a >", "expected a number"),
        ("metrics.a", "expected a comparison operator"),
        ("AND", "invalid attribute key"),
        ("run_name IN 'a'", "expected a list"),
        ("run_name IN ()", "expected a quoted string"),
        ("tags.x = 'unclosed", "cannot read"),
        ("dataset.size = 'x'", "unknown dataset attribute"),
        ("(" * 60 + "metrics.a > 1" + ")" * 60, "nested deeper"),
        (" and ".join(["metrics.a > 1"] * 201), "more than 200"),
        ("x" * (MAX_LENGTH + 1), "longer than"),
    ],
)
def test_bad_filters_are_explained(api: Any, filter_text: str, hint: str) -> None:
    status, code, message = api.refused("POST", "runs/search", experiment_ids=["0"], filter=filter_text)

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert hint in message


@pytest.mark.parametrize("order", [["metrics.a", "metrics.a DESC"], ["nope"], ["metrics.a UP"], [""]])
def test_bad_orders_are_refused(api: Any, order: list[str]) -> None:
    assert api.refused("POST", "runs/search", experiment_ids=["0"], order_by=order)[0] == 400


@pytest.mark.parametrize("text", ["x'; DROP TABLE runs; --", "100%", "a_b", "\\", "''"])
def test_filter_values_are_never_part_of_the_sql(api: Any, text: str) -> None:
    run_id = api.run()
    api.post("runs/set-tag", run_id=run_id, key="t", value=text)

    quoted = text.replace("'", "''")

    assert api.search(f"tags.t = '{quoted}'") == [run_id]


@pytest.mark.parametrize("most", [0, 1000])
def test_a_long_users_runs_are_found_among_many(api: Any, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MOST_RUNS", 0)
    monkeypatch.setattr(candidates, "MOST", most)
    monkeypatch.setattr(run_walk, "WINDOW", 1)
    longs = ["u" * 255 + last for last in "ab"]
    runs = [api.run(user_id=user, start_time=1) for user in longs]

    for user, run_id in zip(longs, runs, strict=True):
        assert api.search(f"user_id = '{user}'") == [run_id]
        assert api.search(f"user_id IN ('{user}', 'x')") == [run_id]
        assert api.search(f"user_id LIKE '{user}%'") == [run_id]


@pytest.mark.parametrize("per_statement", [0, 1000], ids=["few runs for the store", "many"])
@pytest.mark.parametrize(
    ("filter_text", "order_by"),
    [
        ("", []),
        ("", ["start_time ASC"]),
        ("", ["metrics.m DESC"]),
        ("", ["params.p", "start_time ASC"]),
        ("", ["experiment_id DESC"]),
        ("", ["end_time"]),
        ("", ["run_name DESC"]),
        ("params.p = '1'", []),
        ("metrics.m > 3", ["status", "metrics.m"]),
    ],
)
def test_many_experiments_are_searched_as_few_are(
    api: Any, monkeypatch: pytest.MonkeyPatch, filter_text: str, order_by: list[str], per_statement: int
) -> None:
    asked = [api.experiment(name) for name in ("one", "two", "three")]
    other = api.experiment("not asked")
    for number in range(24):
        run_id = api.run([*asked, other][number % 4], start_time=number // 3, run_name=f"r{number % 5}")
        metrics = [{"key": "m", "value": number % 6, "timestamp": 1}] if number % 7 else []
        params = [{"key": "p", "value": str(number % 3)}] if number % 5 else []
        api.post("runs/log-batch", run_id=run_id, metrics=metrics, params=params)
        if number % 4 == 2:
            api.post("runs/update", run_id=run_id, status="FINISHED", end_time=100 - number)
        if number % 10 == 5:
            api.post("runs/delete", run_id=run_id)

    def pages(size: int) -> list[str]:
        body = {"experiment_ids": asked, "order_by": order_by, "run_view_type": "ALL", "max_results": size}
        found: list[str] = []
        token = ""
        while True:
            page = api.post("runs/search", filter=filter_text, page_token=token, **body)
            found += [run["info"]["run_id"] for run in page.get("runs", [])]
            token = page.get("next_page_token")
            if not token:
                return found

    expected = pages(1000)
    monkeypatch.setattr(candidates, "MOST_RUNS", 0)
    monkeypatch.setattr(candidates, "MOST", 0)
    monkeypatch.setattr(run_walk, "WINDOW", 6)
    monkeypatch.setattr(lanes, "MANY", 1)
    monkeypatch.setattr(lanes, "RUNS_PER_STATEMENT", per_statement)

    assert expected
    assert pages(4) == expected
