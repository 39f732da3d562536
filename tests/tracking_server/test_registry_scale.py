"""The registry when it is large: answers put together from many queries, and how the queries are answered."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event

from tracking_server.store.registry import model_versions, registered_models
from tracking_server.store.searching import registry_search
from tracking_server.store.searching.paging import SearchRequest

NO_PROMPTS = "tag.`mlflow.prompt.is_prompt` != 'true'"


def test_more_models_than_a_query_holds_come_with_all_they_have(api: Any) -> None:
    def fill(connection: sqlalchemy.Connection) -> None:
        for number in range(501):
            name = f"m{number:03}"
            registered_models.create(connection, name, description="", tags={"n": name})
            for _ in range(2):
                new = model_versions.NewVersion(
                    name=name, source="s3://b", storage_location="s3://b", tags={"n": name}
                )
                model_versions.create(connection, new)
            model_versions.move(connection, name, "1", "Staging", archive_existing=False)

    api.application.database.write_and_wait(fill)

    found = api.get("registered-models/search", max_results=1000)["registered_models"]

    assert len(found) == 501
    for each in found:
        assert each["tags"] == [{"key": "n", "value": each["name"]}]
        latest = [(v["name"], v["version"], v["tags"][0]["value"]) for v in each["latest_versions"]]
        assert latest == [(each["name"], "1", each["name"]), (each["name"], "2", each["name"])]


@pytest.mark.parametrize(
    ("kind", "filter", "order"),
    [
        ("models", "", ()),
        ("models", NO_PROMPTS, ("last_updated_timestamp DESC",)),
        ("models", "name = 'm'", ()),
        ("models", "", ("creation_timestamp DESC",)),
        ("versions", "", ()),
        ("versions", "name = 'm'", ()),
        ("versions", "name = 'm'", ("version_number DESC",)),
        ("versions", "run_id = 'r'", ()),
        ("versions", "run_id IN ('r', 's')", ()),
        ("versions", "model_id = 'r'", ()),
        ("versions", "", ("creation_timestamp DESC",)),
    ],
)
def test_no_search_that_a_page_makes_reads_a_whole_table(
    api: Any, kind: str, filter: str, order: tuple[str, ...]
) -> None:
    plans = explained(api, kind, SearchRequest(filter=filter, order_by=order, max_results=10))

    scans = [step for step in plans if step.startswith("SCAN") and " USING " not in step]
    assert scans == [], plans
    if not (filter and kind == "versions" and not filter.startswith("name")):
        assert "USE TEMP B-TREE FOR ORDER BY" not in plans, plans


def explained(api: Any, kind: str, request: SearchRequest) -> list[str]:
    """SQLite's plan for each query of a search."""
    queries: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            queries.append((statement, parameters))

    def work(connection: sqlalchemy.Connection) -> list[str]:
        event.listen(connection, "before_cursor_execute", note)
        getattr(registry_search, kind)(connection, request)
        event.remove(connection, "before_cursor_execute", note)
        return [
            row[3]
            for statement, parameters in queries
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]

    api.post("registered-models/create", name="m")
    api.post("model-versions/create", name="m", source="s3://bucket/m")
    plans: list[str] = api.application.database.read_now(work)
    assert plans
    return plans
