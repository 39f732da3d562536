"""Reads that take long wait for one another; a short one waits for none of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tracking_server.settings import Settings
from tracking_server.store import long_reads, runs, schema
from tracking_server.store.connections import READERS
from tracking_server.store.engine import Database
from tracking_server.store.searching import candidates, lanes, paging, run_search, run_walk


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings)
    opened.open()
    yield opened
    opened.close()


def test_a_short_read_is_answered_while_all_long_ones_work_and_more_wait(database: Database) -> None:
    may_end = threading.Event()
    at_work = threading.Semaphore(0)

    def long(connection: Connection) -> int:
        long_reads.begin(connection)
        at_work.release()
        assert may_end.wait(30)
        return 1

    def short(connection: Connection) -> int:
        return len(connection.execute(select(schema.experiments.c.id)).all())

    async def both() -> list[int]:
        waiting = [asyncio.create_task(database.read(long)) for _ in range(3 * READERS)]
        for _ in range(READERS - 1):
            assert await asyncio.to_thread(at_work.acquire, timeout=30)
        try:
            answers = [await asyncio.wait_for(database.read(short), 10) for _ in range(2 * READERS)]
        finally:
            may_end.set()
        return answers + await asyncio.gather(*waiting)

    assert set(asyncio.run(both())) == {1}


def _make_runs(connection: Connection) -> None:
    for number in range(10):
        new = runs.NewRun(experiment_id="0", name=f"r{number}", start_ms=number, tags={})
        runs.create(connection, new)


@pytest.mark.parametrize(
    ("asked", "is_long"),
    [
        ({}, False),
        ({"order_by": ("metrics.m",)}, False),
        ({"filter": "run_name = 'r1'"}, False),
        ({"filter": "status = 'RUNNING'", "max_results": 3}, False),
        ({"filter": "status = 'FAILED' or status != 'RUNNING'"}, True),
        ({"max_results": 5000}, True),
        ({"experiment_ids": [0, 1]}, False),
        ({"experiment_ids": [0, 1], "order_by": ("metrics.m",)}, True),
    ],
    ids=str,
)
def test_a_search_is_long_where_its_first_looks_do_not_answer_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], is_long: bool
) -> None:
    database.write_and_wait(_make_runs)
    for module, name, value in (
        (candidates, "MOST_RUNS", 0),
        (candidates, "MOST", 2),
        (run_walk, "WINDOW", 6),
        (lanes, "MANY", 1),
    ):
        monkeypatch.setattr(module, name, value)
    fields = {"max_results": 4, **asked}
    experiments = fields.pop("experiment_ids", [0])
    request = paging.SearchRequest(**fields)

    def work(connection: Connection) -> bool:
        try:
            run_search.page_of_runs(connection, experiments, request)
        except long_reads.TakesLong:
            return True
        return False

    assert asyncio.run(database.read(work)) is is_long
