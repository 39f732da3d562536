"""Whatever the search language admits, every database answers; what is too much is refused, and not retried."""

from __future__ import annotations

from typing import Any

import pytest

from tracking_server.query.normal_form import MAX_ALTERNATIONS
from tracking_server.query.parser import MAX_COMPARISONS, MAX_DEPTH, MAX_ORDER_KEYS
from tracking_server.store.searching import candidates

SEARCHES: dict[str, tuple[str, str, dict[str, Any], list[str]]] = {
    "runs": (
        "POST",
        "runs/search",
        {"experiment_ids": ["0"]},
        ["params.a = 'x'", "metrics.m > 1", "tags.b LIKE 'y%'"],
    ),
    "experiments": ("POST", "experiments/search", {"max_results": 5}, ["tags.a = 'x'", "name LIKE 'q%'"]),
    "models": (
        "POST",
        "logged-models/search",
        {"experiment_ids": ["0"]},
        ["params.a = 'x'", "metrics.m > 1", "tags.b LIKE 'y%'"],
    ),
    "registered": ("GET", "registered-models/search", {}, ["tags.a = 'x'", "name LIKE 'q%'"]),
    "versions": ("GET", "model-versions/search", {}, ["tags.a = 'x'", "name LIKE 'q%'"]),
}


@pytest.fixture(params=["whole", "few", "walk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes searches of runs take one of their ways."""
    if request.param != "whole":
        monkeypatch.setattr(candidates, "MOST_RUNS", 0)
    if request.param == "walk":
        monkeypatch.setattr(candidates, "MOST", 0)


@pytest.fixture
def store(api: Any) -> Any:
    """One of everything that can be searched for."""
    run_ids = [api.run() for _ in range(3)]
    for run_id in run_ids:
        api.post(
            "runs/log-batch",
            run_id=run_id,
            metrics=[{"key": "m", "value": 2, "timestamp": 1}],
            params=[{"key": "a", "value": "x"}],
            tags=[{"key": "b", "value": "yy"}],
        )
    api.post("logged-models", experiment_id="0", name="q", params=[{"key": "a", "value": "x"}])
    api.post("registered-models/create", name="q", tags=[{"key": "a", "value": "x"}])
    api.post("model-versions/create", name="q", source=f"runs:/{run_ids[0]}/m", run_id=run_ids[0])
    return api


def ask(store: Any, search: str, **more: Any) -> Any:
    method, path, fields, _ = SEARCHES[search]
    if method == "GET":
        return store.http.get(f"/api/2.0/mlflow/{path}", params={**fields, **more})
    return store.http.post(f"/api/2.0/mlflow/{path}", json={**fields, **more})


def alternating(search: str, depth: int) -> str:
    """AND and OR in one another `depth` levels deep, NOT everywhere."""
    comparisons = SEARCHES[search][3]
    text = comparisons[0]
    for level in range(depth):
        word = "OR" if level % 2 else "AND"
        text = f"(NOT {comparisons[level % len(comparisons)]} {word} {text})"
    return text


@pytest.mark.parametrize("search", SEARCHES)
def test_the_deepest_filter_is_answered_and_a_deeper_one_refused(store: Any, way: None, search: str) -> None:
    assert ask(store, search, filter=alternating(search, MAX_ALTERNATIONS)).status_code == 200

    refused = ask(store, search, filter=alternating(search, MAX_ALTERNATIONS + 1))
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert f"deeper than {MAX_ALTERNATIONS} levels" in refused.json()["message"]


@pytest.mark.parametrize("search", SEARCHES)
def test_the_longest_filters_are_answered(store: Any, way: None, search: str) -> None:
    comparisons = SEARCHES[search][3]
    many = [comparisons[number % len(comparisons)] for number in range(MAX_COMPARISONS)]
    pairs = [f"({one} AND NOT {other})" for one, other in zip(many[::2], many[1::2], strict=True)]

    for text in (
        " AND ".join(many),
        " OR ".join(many),
        " OR ".join(pairs),
        "NOT " * (MAX_DEPTH - 1) + many[0],
    ):
        reply = ask(store, search, filter=text)
        assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("search", SEARCHES)
def test_as_many_keys_as_an_order_may_have_are_answered_and_more_refused(
    store: Any, way: None, search: str
) -> None:
    entity = "metrics" if search in ("runs", "models") else "tags"

    def order(keys: int) -> Any:
        names = [f"{entity}.k{number}" for number in range(keys)]
        return [{"field_name": name} for name in names] if search == "models" else names

    reply = ask(store, search, order_by=order(MAX_ORDER_KEYS))
    assert reply.status_code == 200, reply.text
    refused = ask(store, search, order_by=order(MAX_ORDER_KEYS + 1))
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_list_of_many_ids_is_answered(store: Any, way: None) -> None:
    ids = [f"{number:032x}" for number in range(1500)]
    listed = ", ".join(f"'{run_id}'" for run_id in [*ids, store.run()])

    assert len(store.search(f"run_id IN ({listed})")) == 1
    assert len(store.search(f"run_id NOT IN ({listed})")) == 3


def test_models_on_very_many_datasets_are_a_bad_question(store: Any) -> None:
    datasets = [{"dataset_name": f"d{number}"} for number in range(2000)]

    refused = ask(store, "models", datasets=datasets, filter="metrics.m > 1")

    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_numbers_of_any_length_are_compared(store: Any) -> None:
    assert store.search("metrics.m < 1" + "0" * 400) != []
    assert store.search("metrics.m < -1" + "0" * 400) == []
