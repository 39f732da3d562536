"""What SQLite does for each page: it goes through an index in the order of the answer, and sorts nothing.

A million runs would show it in seconds; the plans show it with a few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tracking_client.wire import names
from tracking_server.settings import Settings
from tracking_server.store import experiments, logged_models, metrics, model_metrics, runs
from tracking_server.store.engine import Database
from tracking_server.store.metric_points import MetricPoint
from tracking_server.store.searching import candidates, lanes, paging, run_search, run_walk, search

RUNS = 60
ROOTS = f"tags.`{names.PARENT_RUN_ID}` IS NULL"
BIG_TABLES = "runs|params|run_tags|latest_metrics|metrics|experiments|logged_models|logged_model_metrics|logged_model_points"


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
    parent_id = ""
    for number in range(RUNS):
        tags = {"t": str(number % 5)}
        if number % 4:
            # Statistics of a store without nested runs make a scan look as cheap as their index.
            tags[names.PARENT_RUN_ID] = parent_id
        new = runs.NewRun(experiment_id=str(number % 3), start_ms=number, tags=tags)
        run_id = runs.create(connection, new).info.run_id
        parent_id = parent_id if number % 4 else run_id
        model = logged_models.create(
            connection,
            str(number % 3),
            name=f"n{number % 4}",
            model_type=None,
            source_run_id=run_id,
            params={},
            tags={},
        )
        points = [
            MetricPoint(key=key, value=number % 7, timestamp_ms=1, model_id=model.info.model_id)
            for key in ("loss", "acc")
        ]
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
        texts: list[str] = []

        def traced(connection: Connection) -> Any:
            driver: Any = connection.connection.driver_connection
            driver.set_trace_callback(texts.append)  # whoever sends it, SQLAlchemy or we ourselves
            try:
                return work(connection)
            finally:
                driver.set_trace_callback(None)
                for text in texts:
                    if text.startswith("SELECT"):
                        steps.extend(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {text}"))

        database.read_now(traced)
        assert steps
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
        {"filter": ROOTS},
        {"filter": f"{ROOTS} and params.p = '1'", "order_by": ["start_time ASC"]},
        {"filter": ROOTS, "view": "ALL"},
        {"filter": ROOTS, "order_by": ["metrics.loss DESC"]},
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


def test_runs_that_are_nested_under_no_other_are_found_without_passing_by_those_that_are(
    plan_of: Any, database: Database
) -> None:
    request = paging.SearchRequest(filter=ROOTS, max_results=3)
    found = database.read_now(lambda connection: search.runs(connection, ["0"], request))
    plan = plan_of(lambda connection: run_search.page_of_runs(connection, [0], request))

    assert [run.info.start_time for run in found.items] == [48, 36, 24]
    assert [
        step
        for step in plan
        if "INDEX ix_runs_roots (experiment_id=? AND deleted=? AND parent_uuid=?" in step
    ]


@pytest.mark.parametrize(
    ("filter_text", "index"),
    [
        ("run_name LIKE '%nowhere%'", "ix_runs_names"),
        ("run_name ILIKE '%NOWHERE%'", "ix_runs_names"),
        ("user_id LIKE '%nobody%'", "ix_runs_users"),
        ("user_id ILIKE '%NOBODY'", "ix_runs_users"),
    ],
)
def test_a_text_found_nowhere_costs_only_the_index_that_holds_such_texts(
    plan_of: Any, monkeypatch: pytest.MonkeyPatch, filter_text: str, index: str
) -> None:
    monkeypatch.setattr(run_walk, "WINDOW", 3)
    request = paging.SearchRequest(filter=filter_text, max_results=3)
    plan = plan_of(lambda connection: search.runs(connection, ["0"], request))

    assert [step for step in plan if f"INDEX {index} " in step]


def _page_of_models(
    connection: Connection, experiment_ids: list[str], asked: dict[str, Any], token: str
) -> tuple[list[Any], str | None]:
    fields = {key: value for key, value in asked.items() if key != "measures"}
    request = paging.SearchRequest(**fields, max_results=3, page_token=token)
    return search.rows_of_logged_models(connection, experiment_ids, request, (), asked.get("measures", {}))


@pytest.mark.parametrize(
    ("asked", "experiment_ids"),
    [
        ({}, ["0"]),
        ({"filter": "metrics.loss > 2"}, ["0"]),
        ({"filter": "metrics.loss = 2 and params.p = '1'"}, ["0"]),
        *(
            (asked, experiment_ids)
            for asked in (
                {"order_by": ("metrics.loss",)},
                {"order_by": ("metrics.loss DESC",)},
                {"order_by": ("metrics.nothing",)},
                {"order_by": ("metrics.loss DESC",), "filter": "metrics.acc < 5"},
                {"order_by": ("metrics.loss",), "filter": "name = 'n1' or NOT metrics.loss != 3"},
                {"order_by": ("metrics.loss",), "measures": {"loss": ("acc", "wine", None)}},
            )
            for experiment_ids in (["0"], ["0", "1", "2"])
        ),
    ],
    ids=str,
)
def test_a_page_of_logged_models_reads_an_index_in_order(
    plan_of: Any, database: Database, asked: dict[str, Any], experiment_ids: list[str]
) -> None:
    first = database.read_now(lambda connection: _page_of_models(connection, experiment_ids, asked, ""))
    for token in ("", first[1] or ""):
        plan = plan_of(
            lambda connection, token=token: _page_of_models(connection, experiment_ids, asked, token)
        )

        assert plan
        assert bad_steps(plan) == []


def test_the_points_of_logged_models_are_read_by_index(plan_of: Any, database: Database) -> None:
    def work(connection: Connection) -> None:
        (model,) = search.logged_models(connection, ["0"], paging.SearchRequest(max_results=1)).items
        uuid = model.info.model_id
        row_id = logged_models.find(connection, uuid).id
        for most in (1, 1000):
            model_metrics.of_models(connection, {row_id: uuid}, most)

    assert [step for step in bad_steps(plan_of(work)) if step.startswith("SCAN")] == []


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


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter": "params.p = '1'"},
        {"filter": "start_time > 3 and metrics.loss > 2"},
        {"order_by": ("start_time ASC",)},
        {"view": "ALL"},
    ],
    ids=str,
)
def test_many_experiments_share_a_walk_by_start_that_sorts_nothing(
    plan_of: Any, database: Database, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    monkeypatch.setattr(lanes, "MANY", 1)
    monkeypatch.setattr(candidates, "MOST", 2)
    first = paging.SearchRequest(**asked, max_results=3)
    _, token = database.read_now(lambda connection: run_search.page_of_runs(connection, [0, 2], first))
    for page_token in ("", token or ""):
        request = paging.SearchRequest(**asked, max_results=3, page_token=page_token)
        plan = plan_of(
            lambda connection, request=request: run_search.page_of_runs(connection, [0, 2], request)
        )

        assert [step for step in plan if "ix_runs_recent" in step]
        assert bad_steps(plan) == []


def test_many_experiments_cost_no_statement_each(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MOST_RUNS", 0)
    monkeypatch.setattr(candidates, "MOST", 0)
    counts: dict[str, set[int]] = {}
    for order in ("start_time", "metrics.loss", "params.p", "run_name", "end_time", "experiment_id"):
        for experiment_ids in (range(100), range(3000)):
            request = paging.SearchRequest(order_by=(order,), max_results=3)
            statements = database.read_now(_statements_of(list(experiment_ids), request))
            counts.setdefault(order, set()).add(statements if order != "experiment_id" else statements // 40)

    assert all(len(numbers) == 1 for numbers in counts.values()), counts


def _statements_of(experiment_ids: list[int], request: paging.SearchRequest) -> Callable[[Connection], int]:
    def count(connection: Connection) -> int:
        statements: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
        run_search.page_of_runs(connection, experiment_ids, request)
        return len(statements)

    return count
