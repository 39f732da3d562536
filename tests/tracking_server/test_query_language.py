"""The filter language and the orders against a naive evaluator: what SQL answers is what the words mean.

Every search is answered in each of the ways that the store has: all runs of the scope looked at, few candidates
from an index, a walk through an index, of each experiment or of all. Small limits make it take all of them
with few runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking_server.naive_search import (
    KEYS,
    NUMBERS,
    TEXTS,
    Facts,
    filters,
    in_order,
    orders,
    quoted,
    true_of,
)
from tracking_server.errors import InvalidParameter
from tracking_server.query.parser import parse_filter, parse_order
from tracking_server.query.tree import And, Comparison, Not, Or
from tracking_server.query.vocabulary import RUNS
from tracking_server.settings import Settings
from tracking_server.store import experiments, runs
from tracking_server.store.engine import Database
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.searching import candidates, lanes, paging, run_search, run_walk, search


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which runs a search is about: those of some experiments, in one of VIEWS."""

    experiments: list[str]
    view: str

    def among(self, people: dict[str, Facts]) -> dict[str, Facts]:
        return {
            run_id: facts
            for run_id, facts in people.items()
            if facts.attributes["experiment_id"] in self.experiments
            and _is_deleted(facts.number) in VIEWS[self.view]
        }


WAYS = {
    "whole": {"MOST_RUNS": 1000},
    "few": {"MOST_RUNS": 0, "MOST": 1000, "DENSE": 0},
    "walk": {"MOST_RUNS": 0, "MOST": 0},
    "crowded": {"MOST_RUNS": 0, "MOST": 0, "_KEPT_PAGES": 0},
    "window": {"MOST_RUNS": 0, "MOST": 2, "WINDOW": 5, "_CHUNK": 3, "_FIRST": 5, "_MOST_AT_ONCE": 7},
    "together": {"MOST_RUNS": 0, "MOST": 0, "MANY": 1},
    "together, few": {"MOST_RUNS": 0, "MOST": 1000, "DENSE": 0, "MANY": 1},
    "together, window": {"MOST_RUNS": 0, "MOST": 2, "WINDOW": 5, "MANY": 1, "AT_ONCE": 1},
    "wide, window": {"MOST_RUNS": 0, "MOST": 2, "WINDOW": 5, "MANY": 1, "RUNS_PER_STATEMENT": 0},
}
EXPERIMENTS = ["0", "1", "2"]
VIEWS = {"ACTIVE_ONLY": (False,), "DELETED_ONLY": (True,), "ALL": (False, True)}
asked = st.builds(
    Asked,
    experiments=st.lists(st.sampled_from(EXPERIMENTS), min_size=1, unique=True).map(sorted),
    view=st.sampled_from(["ACTIVE_ONLY", "ACTIVE_ONLY", "DELETED_ONLY", "ALL"]),
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("query")
    opened = Database(
        Settings(backend_store_uri=f"sqlite:///{folder}/x.db", artifacts_destination=str(folder))
    )
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def population(database: Database) -> dict[str, Facts]:
    """Runs with every mixture of present, absent and odd values, in three experiments, by id."""
    return _populated(database)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store on a database server."""
    stores = request.getfixturevalue(f"{request.param}_stores")
    uri = stores.take()
    folder = tmp_path_factory.mktemp("query")
    opened = Database(Settings(backend_store_uri=uri, artifacts_destination=str(folder)))
    opened.open()
    yield opened
    opened.close()
    stores.give_back(uri)


@pytest.fixture(scope="module")
def population_of_server(server: Database) -> dict[str, Facts]:
    return _populated(server)


def _populated(database: Database) -> dict[str, Facts]:
    _more_experiments(database)
    return {_store(database, facts): facts for facts in map(_facts, range(70))}


def _more_experiments(database: Database) -> None:
    def make(connection: Any) -> None:
        for name in ("other", "third"):
            experiments.create(connection, name, artifact_location=None, artifact_root="file:///a", tags={})

    database.write_and_wait(make)


def _is_deleted(number: int) -> bool:
    return number % 11 == 4


def _facts(number: int) -> Facts:
    return Facts(
        attributes={
            "run_name": TEXTS[number % len(TEXTS)] or "nameless",
            "user_id": TEXTS[number * 3 % 10],
            "status": runs.STATUSES[number % 5],
            "start_time": number % 4 - 1,
            "end_time": None if number % 3 else number % 5,
            "experiment_id": {0: "1", 3: "2"}.get(number % 7, "0"),
        },
        metrics={
            key: [*NUMBERS, math.nan][(number + i) % 7] for i, key in enumerate(KEYS) if number >> i & 1
        },
        params={key: TEXTS[(number + i) % 13] for i, key in enumerate(KEYS) if number >> (i + 1) & 1},
        tags={key: TEXTS[(number * 7 + i) % 13] for i, key in enumerate(KEYS) if number >> (i + 2) & 1},
        number=number,
    )


def _store(database: Database, facts: Facts) -> str:
    about = facts.attributes

    def work(connection: Any) -> str:
        new = runs.NewRun(
            experiment_id=about["experiment_id"],
            name=about["run_name"],
            user_id=about["user_id"],
            start_ms=about["start_time"],
            tags=facts.tags,
        )
        run_id = runs.create(connection, new).info.run_id
        points = [MetricPoint(key=key, value=value, timestamp_ms=1) for key, value in facts.metrics.items()]
        runs.log(connection, run_id, points=points, new_params=facts.params)
        runs.change(connection, run_id, status=about["status"], end_ms=about["end_time"])
        runs.set_deleted(connection, run_id, deleted=_is_deleted(facts.number))
        return run_id

    return database.write_and_wait(work)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes the store answer in one of its ways, as far as a search lets it choose."""
    for name, value in WAYS[request.param].items():
        for module in (candidates, lanes, run_search, run_walk):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    return str(request.param)


def _page(
    database: Database,
    asked: Asked,
    text: str,
    order_by: tuple[str, ...] = (),
    size: int = 1000,
    token: str = "",
) -> Any:
    request = paging.SearchRequest(
        filter=text, order_by=order_by, view=asked.view, max_results=size, page_token=token
    )
    return database.read_now(lambda connection: search.runs(connection, asked.experiments, request))


def _ids(page: Any) -> list[str]:
    return [run.info.run_id for run in page.items]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=filters, asked=asked)
def test_sql_answers_what_the_words_mean(
    database: Database, population: dict[str, Facts], way: str, text: str, asked: Asked
) -> None:
    _check_answer(database, population, text, asked)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=filters, asked=asked)
def test_the_sql_of_servers_answers_what_the_words_mean(
    server: Database, population_of_server: dict[str, Facts], way: str, text: str, asked: Asked
) -> None:
    _check_answer(server, population_of_server, text, asked)


def _check_answer(database: Database, population: dict[str, Facts], text: str, asked: Asked) -> None:
    tree = parse_filter(text, RUNS)
    expected = {run_id for run_id, facts in asked.among(population).items() if true_of(tree, facts)}

    assert set(_ids(_page(database, asked, text))) == expected


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.just(""), filters), order=orders, size=st.integers(1, 23), asked=asked)
def test_pages_make_up_the_whole_in_the_order_that_was_asked_for(
    database: Database,
    population: dict[str, Facts],
    way: str,
    text: str,
    order: list[tuple[str, str]],
    size: int,
    asked: Asked,
) -> None:
    _check_pages(database, population, text, order, size, asked)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.just(""), filters), order=orders, size=st.integers(5, 23), asked=asked)
def test_pages_of_servers_make_up_the_whole_in_the_order_that_was_asked_for(
    server: Database,
    population_of_server: dict[str, Facts],
    way: str,
    text: str,
    order: list[tuple[str, str]],
    size: int,
    asked: Asked,
) -> None:
    _check_pages(server, population_of_server, text, order, size, asked)


def _check_pages(
    database: Database,
    population: dict[str, Facts],
    text: str,
    order: list[tuple[str, str]],
    size: int,
    asked: Asked,
) -> None:
    order_by = tuple(key + direction for key, direction in order)
    tree = parse_filter(text, RUNS)
    in_scope = asked.among(population)
    passing = {run_id: facts for run_id, facts in in_scope.items() if true_of(tree, facts)}

    paged: list[str] = []
    token: str | None = ""
    while token is not None:
        page = _page(database, asked, text, order_by, size, token)
        paged += _ids(page)
        assert len(paged) <= len(passing), "pages without end"
        token = page.next_page_token

    assert paged == in_order(passing, parse_order(order_by, RUNS))


@pytest.mark.parametrize("order_by", [(), ("metrics.a",), ("params.a DESC",), ("end_time", "metrics.a")])
def test_runs_that_come_between_pages_hide_none_and_double_none(
    tmp_path: Path, way: str, order_by: tuple[str, ...]
) -> None:
    database = Database(
        Settings(backend_store_uri=f"sqlite:///{tmp_path}/x.db", artifacts_destination=str(tmp_path))
    )
    database.open()
    _more_experiments(database)
    asked = Asked(experiments=["0", "1"], view="ACTIVE_ONLY")
    population = asked.among({_store(database, facts): facts for facts in map(_facts, range(47))})

    paged: list[str] = []
    token: str | None = ""
    while token is not None:
        page = _page(database, asked, "", order_by, 3, token)
        paged += _ids(page)
        token = page.next_page_token
        _store(database, _facts(len(paged) * 5))
    database.close()

    assert len(set(paged)) == len(paged)
    expected = in_order(population, parse_order(order_by, RUNS))
    assert [run_id for run_id in paged if run_id in population] == expected


@settings(max_examples=400)
@given(text=st.text(alphabet="abm.`'\"()<>=!,% 01eANDORTIS\n\\", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (lambda: parse_filter(text, RUNS), lambda: parse_order([text], RUNS)):
        try:
            parse()
        except InvalidParameter as error:
            assert str(error)  # noqa: PT017  # either outcome is fine; anything else is not


@given(value=st.text(max_size=30), key=st.text(min_size=1, max_size=20))
def test_quoting_round_trips(value: str, key: str) -> None:
    tree = parse_filter(f"tags.`{key.replace('`', '``')}` = {quoted(value)}", RUNS)

    assert tree == Comparison(entity="tag", key=key, operator="=", value=value)


def test_not_binds_tighter_than_and_and_and_than_or() -> None:
    a, b, c = (Comparison(entity="metric", key=key, operator="=", value=1) for key in "abc")

    assert parse_filter("not metrics.a = 1 and metrics.b = 1 or metrics.c = 1", RUNS) == Or(
        (And((Not(a), b)), c)
    )
    assert parse_filter("metrics.a = 1 or metrics.b = 1 and metrics.c = 1", RUNS) == Or((a, And((b, c))))
    assert parse_filter("(metrics.a = 1 or metrics.b = 1) and metrics.c = 1", RUNS) == And((Or((a, b)), c))


def test_the_store_is_used_by_path(tmp_path: Path) -> None:
    assert Settings(
        backend_store_uri=f"sqlite:///{tmp_path}/x.db", artifacts_destination="a"
    ).sqlite_path == (tmp_path / "x.db")
