"""Searching logged models against the naive evaluator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking_server.naive_search import KEYS, NUMBERS, TEXTS, Facts, filters_of, true_of
from tracking_server.query.parser import parse_filter
from tracking_server.query.vocabulary import LOGGED_MODELS
from tracking_server.settings import Settings
from tracking_server.store import logged_models, paging, runs, search
from tracking_server.store.engine import Database
from tracking_server.store.metrics import MetricPoint

filters = filters_of(["name", "model_type"], ["creation_timestamp"])


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("models")
    opened = Database(
        Settings(backend_store_uri=f"sqlite:///{folder}/x.db", artifacts_destination=str(folder))
    )
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def population(database: Database) -> dict[str, Facts]:
    """Models with every mixture of present, absent and odd values, by id."""
    return dict(
        database.write_and_wait(lambda connection: [_model(connection, number) for number in range(40)])
    )


def _model(connection: Any, number: int) -> tuple[str, Facts]:
    params = {key: TEXTS[(number + i) % 13] for i, key in enumerate(KEYS) if number >> (i + 1) & 1}
    tags = {key: TEXTS[(number * 7 + i) % 13] for i, key in enumerate(KEYS) if number >> (i + 2) & 1}
    metrics = {key: [*NUMBERS, math.nan][(number + i) % 7] for i, key in enumerate(KEYS) if number >> i & 1}
    name, model_type = TEXTS[number % 3 + 1], TEXTS[number % 5]
    made = logged_models.create(
        connection, "0", name=name, model_type=model_type, source_run_id=None, params=params, tags=tags
    )
    model_id = made.info.model_id
    run_id = runs.create(connection, runs.NewRun(experiment_id="0", tags={})).info.run_id
    points = [
        MetricPoint(key=key, value=value, timestamp_ms=1, model_id=model_id) for key, value in metrics.items()
    ]
    runs.log(connection, run_id, points=points)
    created = made.info.creation_timestamp_ms
    attributes = {"name": name, "model_type": model_type, "creation_timestamp": created}
    return model_id, Facts(attributes=attributes, metrics=metrics, params=params, tags=tags, number=number)


def _page(database: Database, text: str, order: tuple[str, ...], size: int, token: str = "") -> Any:
    request = paging.SearchRequest(filter=text, order_by=order, max_results=size, page_token=token)
    return database.read_now(lambda connection: search.logged_models(connection, ["0"], request))


@settings(max_examples=120, deadline=None)
@given(text=st.one_of(st.just(""), filters), descending=st.booleans(), size=st.integers(1, 19))
def test_pages_of_models_are_those_that_the_filter_means_in_their_order(
    database: Database, population: dict[str, Facts], text: str, descending: bool, size: int
) -> None:
    tree = parse_filter(text, LOGGED_MODELS)
    passing = {model_id: facts for model_id, facts in population.items() if true_of(tree, facts)}
    order = ("metrics.a DESC" if descending else "metrics.a ASC",)

    paged: list[str] = []
    token: str | None = ""
    while token is not None:
        page = _page(database, text, order, size, token)
        paged += [model.info.model_id for model in page.items]
        token = page.next_page_token

    assert sorted(paged) == sorted(passing)
    values = [passing[model_id].metrics.get("a", math.nan) for model_id in paged]
    numbers = [value for value in values if not math.isnan(value)]
    assert numbers == sorted(numbers, reverse=descending)
    assert all(math.isnan(value) for value in values[len(numbers) :])
