"""What SQLite does for each page: it goes through an index in the order of the answer, and sorts nothing.

A million runs would show it in seconds; the plans show it with a few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tracking_server.settings import Settings
from tracking_server.store import candidates, experiments, metrics, paging, run_search, run_walk, runs, search
from tracking_server.store.engine import Database
from tracking_server.store.metrics import MetricPoint

RUNS = 60
BIG_TABLES = "runs|params|run_tags|latest_metrics|metrics|logged_models|experiments"


@pytest.fixture(scope="module", params=["without statistics", "with statistics"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("plans")
    opened = Database(
        Settings(backend_store_uri=f"sqlite:///{folder}/x.db", artifacts_destination=str(folder))
    )
    opened.open()
    opened.write_and_wait(_populate)
    if request.param == "with statistics":
        opened.write_and_wait(lambda connection: connection.exec_driver_sql("ANALYZE"))
    yield opened
    opened.close()


def _populate(connection: Connection) -> None:
    for name in ("one", "two"):
        experiments.create(connection, name, artifact_location=None, artifact_root="file:///a", tags={})
    for number in range(RUNS):
        new = runs.NewRun(experiment_id=str(number % 3), start_ms=number, tags={"t": str(number % 5)})
        run_id = runs.create(connection, new).info.run_id
        points = [MetricPoint(key=key, value=number % 7, timestamp_ms=1) for key in ("loss", "acc")]
        runs.log(connection, run_id, points=points, new_params={"p": str(number % 4), "q": f"v{number}"})


@pytest.fixture
def plan_of(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Connection], Any]], list[str]]:
    """Answers what SQLite plans for every statement of some work. Small scopes count as large ones."""
    monkeypatch.setattr(candidates, "MOST_RUNS", 0)
    monkeypatch.setattr(candidates, "MOST", 12)
    monkeypatch.setattr(candidates, "DENSE", 0)

    def explain(work: Callable[[Connection], Any]) -> list[str]:
        steps: list[str] = []

        def before(connection: Connection, _cursor: Any, text: str, values: Any, *_: Any) -> None:
            driver: Any = connection.connection.driver_connection
            if text.startswith("SELECT"):
                steps.extend(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {text}", values))

        def explained(connection: Connection) -> Any:
            event.listen(connection, "before_cursor_execute", before)
            return work(connection)

        database.read_now(explained)
        return steps

    return explain


def bad_steps(plan: list[str]) -> list[str]:
    """Steps whose cost grows with the store: whole tables or indexes read, or an answer sorted."""
    return [
        step
        for step in plan
        if re.match(rf"SCAN ({BIG_TABLES})(_\d+)?\b", step) or step.startswith("USE TEMP B-TREE")
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter": "metrics.loss > 2"},
        {"filter": "metrics.loss > 100"},
        {"filter": "params.p = '1'"},
        {"filter": "params.q = 'v7'"},
        {"filter": "params.p != '1'"},
        {"filter": "tags.t LIKE '1%'"},
        {"filter": "tags.t LIKE '%1%' and params.p = '2'"},
        {"filter": "params.p = '1' OR NOT metrics.acc < 3"},
        {"filter": "params.q = 'v7' OR params.q = 'v9'"},
        {"filter": "status = 'RUNNING' and run_name LIKE 'a%'"},
        {"filter": "user_id = 'me'"},
        {"filter": "start_time > 3 and start_time < 50"},
        {"filter": "end_time > 3"},
        {"filter": "run_id IN ('a', 'b')"},
        {"order_by": ["start_time ASC"]},
        {"order_by": ["end_time ASC"]},
        {"order_by": ["end_time DESC"]},
        {"order_by": ["run_name"]},
        {"order_by": ["status DESC"]},
        {"order_by": ["user_id"]},
        {"order_by": ["experiment_id"]},
        {"order_by": ["metrics.loss"]},
        {"order_by": ["metrics.loss DESC"]},
        {"order_by": ["metrics.loss DESC"], "filter": "metrics.loss < 5 and params.p = '1'"},
        {"order_by": ["metrics.nothing"]},
        {"order_by": ["params.p"]},
        {"order_by": ["params.p DESC"]},
        {"order_by": ["tags.t ASC", "start_time DESC"]},
        {"view": "ALL"},
        {"view": "DELETED_ONLY", "order_by": ["metrics.loss"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("experiment_ids", [["0"], ["0", "1", "2"]], ids=["one experiment", "several"])
def test_a_page_of_runs_reads_an_index_in_order(
    plan_of: Any, database: Database, asked: dict[str, Any], experiment_ids: list[str]
) -> None:
    fields = {**asked, "order_by": tuple(asked.get("order_by", ()))}
    first = paging.SearchRequest(**fields, max_results=3)
    ids = [int(experiment_id) for experiment_id in experiment_ids]
    _, token = database.read_now(lambda connection: run_search.page_of_runs(connection, ids, first))
    for page_token in ("", token or ""):
        request = paging.SearchRequest(**fields, max_results=3, page_token=page_token)
        plan = plan_of(lambda connection, request=request: run_search.page_of_runs(connection, ids, request))

        assert plan
        assert bad_steps(plan) == []


def test_a_filter_that_only_old_runs_pass_costs_the_index_of_that_filter(
    plan_of: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_walk, "WINDOW", 3)
    monkeypatch.setattr(candidates, "MOST", 2)
    request = paging.SearchRequest(filter="metrics.loss < 5 and start_time < 30", max_results=30)
    found = database.read_now(lambda connection: search.runs(connection, ["0"], request))
    plan = plan_of(lambda connection: search.runs(connection, ["0"], request))

    assert [run.info.start_time for run in found.items] == [24, 21, 18, 15, 9, 3, 0]
    assert not [step for step in bad_steps(plan) if step.startswith("SCAN latest_metrics")]


def test_other_pages_read_indexes_too(plan_of: Any, database: Database) -> None:
    run_id = database.read_now(lambda connection: runs.recent(connection, 1))[0].info.run_id

    def work(connection: Connection) -> None:
        run = runs.find(connection, run_id)
        runs.get(connection, run_id)
        runs.recent(connection, 10)
        runs.descendants(connection, [runs.get(connection, run_id)], 10)
        metrics.history(connection, run.id, "loss", limit=10)
        metrics.history(connection, run.id, "loss", limit=10, after=(1, 0, 0.0, False))
        list(metrics.bulk_history(connection, [(run.id, run_id)], "loss", limit=10))
        search.experiments(connection, paging.SearchRequest(max_results=10))
        search.logged_models(connection, ["0"], paging.SearchRequest(max_results=10))
        of_run = paging.SearchRequest(filter=f"source_run_id = '{run_id}'", max_results=10)
        search.logged_models(connection, ["0"], of_run)

    plan = plan_of(work)

    assert [step for step in bad_steps(plan) if step.startswith("SCAN")] == []
