"""Searching logged models against the naive evaluator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking_server.naive_search import KEYS, NUMBERS, TEXTS, Facts, filters_of, true_of
from tracking_server.query.parser import parse_filter
from tracking_server.query.tree import And, Comparison, Node, Not, Or
from tracking_server.query.vocabulary import LOGGED_MODELS
from tracking_server.settings import Settings
from tracking_server.store import experiments, logged_models, model_metrics, runs
from tracking_server.store.engine import Database
from tracking_server.store.metric_points import MetricPoint
from tracking_server.store.records import LoggedModel
from tracking_server.store.searching import model_walk, paging, search

filters = filters_of(["name", "model_type"], ["creation_timestamp"])
DATASETS = (None, "wine", "beer")
VALUES = [*NUMBERS, math.nan]


@dataclass(frozen=True)
class Model:
    """What was stored of a model: facts without metrics, and every point of those."""

    facts: Facts
    points: tuple[MetricPoint, ...]

    def latest(self, key: str, dataset: str | None = None) -> float:
        """The value that decides the place in an order; NaN where there is none."""
        points = [
            (point.timestamp_ms, point.step, point.value)
            for point in self.points
            if point.key == key and dataset in (None, point.dataset_name)
        ]
        return max(points)[2] if points else math.nan


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
def population(database: Database) -> dict[str, Model]:
    """Models of two experiments with every mixture of present, absent and odd values, by id."""

    def populate(connection: Any) -> dict[str, Model]:
        other = experiments.create(
            connection, "other", artifact_location=None, artifact_root="file:///a", tags={}
        )
        ids = ("0", other)
        made = [runs.create(connection, runs.NewRun(experiment_id="0", tags={})) for _ in range(2)]
        uuids = [run.info.run_id for run in made]
        return dict(_model(connection, number, ids[number % 3 // 2], uuids) for number in range(40))

    return database.write_and_wait(populate)


def _model(connection: Any, number: int, experiment_id: str, run_ids: list[str]) -> tuple[str, Model]:
    params = {key: TEXTS[(number + i) % 13] for i, key in enumerate(KEYS) if number >> (i + 1) & 1}
    tags = {key: TEXTS[(number * 7 + i) % 13] for i, key in enumerate(KEYS) if number >> (i + 2) & 1}
    name, model_type = TEXTS[number % 3 + 1], TEXTS[number % 5]
    made = logged_models.create(
        connection,
        experiment_id,
        name=name,
        model_type=model_type,
        source_run_id=None,
        params=params,
        tags=tags,
    )
    model_id = made.info.model_id
    points = tuple(
        MetricPoint(
            key=key,
            value=VALUES[(number * (i + 1) + n * 3) % 7],
            timestamp_ms=(number + n * 2) % 5,
            step=n,
            model_id=model_id,
            dataset_name=DATASETS[(number + n) % 3],
        )
        for i, key in enumerate(KEYS)
        if number >> i & 1
        for n in range(number % 4 + 1)
    )
    for half in (0, 1):
        runs.log(connection, run_ids[half], points=points[half::2])
    created = made.info.creation_timestamp_ms
    attributes = {"name": name, "model_type": model_type, "creation_timestamp": created}
    facts = Facts(attributes=attributes, metrics={}, params=params, tags=tags, number=number)
    return model_id, Model(facts, points)


def _passes(node: Node, model: Model) -> bool:
    """A comparison with a metric is true where it is true of any point."""
    match node:
        case And(parts):
            return all(_passes(part, model) for part in parts)
        case Or(parts):
            return any(_passes(part, model) for part in parts)
        case Not(part):
            return not _passes(part, model)
        case Comparison(entity="metric", key=key):
            values = [point.value for point in model.points if point.key == key]
            return any(true_of(node, replace(model.facts, metrics={key: value})) for value in values)
        case Comparison():
            return true_of(node, model.facts)


def _pages(
    database: Database, text: str, order: tuple[str, ...], size: int, measures: Any = None
) -> list[str]:
    found: list[str] = []
    token: str | None = ""
    while token is not None:
        request = paging.SearchRequest(filter=text, order_by=order, max_results=size, page_token=token)
        page = _page(database, request, measures)
        found += [model.info.model_id for model in page.items]
        token = page.next_page_token
    return found


def _page(database: Database, request: paging.SearchRequest, measures: Any) -> paging.Page[LoggedModel]:
    return database.read_now(
        lambda connection: search.logged_models(connection, ["0", "1"], request, measures=measures)
    )


def _in_order(models: dict[str, Model], key: str, descending: bool, dataset: str | None = None) -> list[str]:
    def place(model_id: str) -> tuple[bool, float, int, int]:
        model = models[model_id]
        value = model.latest(key, dataset)
        number = 0.0 if math.isnan(value) else -value if descending else value
        return math.isnan(value), number, -model.facts.attributes["creation_timestamp"], -model.facts.number

    return sorted(models, key=place)


@settings(max_examples=150)
@given(
    text=st.one_of(st.just(""), filters),
    key=st.sampled_from(KEYS),
    descending=st.booleans(),
    size=st.integers(1, 19),
    window=st.sampled_from([0, 3, model_walk.WINDOW]),
)
def test_pages_of_models_are_those_that_the_filter_means_in_their_order(
    database: Database,
    population: dict[str, Model],
    text: str,
    key: str,
    descending: bool,
    size: int,
    window: int,
) -> None:
    tree = parse_filter(text, LOGGED_MODELS)
    passing = {model_id: model for model_id, model in population.items() if _passes(tree, model)}
    order = (f"metrics.`{key}` {'DESC' if descending else 'ASC'}",)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_walk, "WINDOW", window)
        patch.setattr(model_walk, "MANY", window)
        paged = _pages(database, text, order, size)

    assert paged == _in_order(passing, key, descending)


@pytest.mark.parametrize("dataset", ["wine", "beer", "unknown"])
@pytest.mark.parametrize("descending", [False, True])
def test_an_order_by_a_metric_on_a_dataset_goes_by_what_was_measured_there(
    database: Database, population: dict[str, Model], dataset: str, descending: bool
) -> None:
    order = (f"metrics.on_it {'DESC' if descending else 'ASC'}",)

    paged = _pages(database, "", order, 7, {"on_it": ("a", dataset, None)})

    assert paged == _in_order(population, "a", descending, dataset)


def test_a_second_key_decides_among_models_of_one_value(
    database: Database, population: dict[str, Model]
) -> None:
    paged = _pages(database, "", ("metrics.a", "metrics.`b c` DESC", "name"), 3)

    second = {model_id: place for place, model_id in enumerate(_in_order(population, "b c", True))}
    firsts = [population[model_id].latest("a") for model_id in paged]
    for (one, other), (value, following) in zip(
        zip(paged, paged[1:], strict=False), zip(firsts, firsts[1:], strict=False), strict=True
    ):
        seconds = [population[model_id].latest("b c") for model_id in (one, other)]
        if value == following and not any(map(math.isnan, seconds)) and seconds[0] != seconds[1]:
            assert second[one] < second[other]
    assert sorted(paged) == sorted(population)


def test_a_model_of_very_many_points_answers_the_latest_of_each_series(database: Database) -> None:
    def populate(connection: Any) -> str:
        made = logged_models.create(
            connection, "0", name="large", model_type="", source_run_id=None, params={}, tags={}
        )
        run_id = runs.create(connection, runs.NewRun(experiment_id="0", tags={})).info.run_id
        model_id = made.info.model_id
        points = [
            MetricPoint(key="x" if step % 2 else "y", value=step, timestamp_ms=step, model_id=model_id)
            for step in range(model_metrics.MOST_IN_REPLY)
        ]
        runs.log(connection, run_id, points=points)
        return model_id

    model_id = database.write_and_wait(populate)
    try:
        got = database.read_now(lambda connection: logged_models.get(connection, model_id))
        request = paging.SearchRequest(filter="name = 'large'", max_results=2)
        (found,) = database.read_now(
            lambda connection: search.logged_models(connection, ["0"], request)
        ).items
    finally:
        database.write_and_wait(lambda connection: logged_models.set_deleted(connection, model_id))

    assert len(got.data.metrics) == model_metrics.MOST_IN_REPLY
    assert [(point.key, point.value) for point in found.data.metrics] == [("x", 24_999.0), ("y", 24_998.0)]
