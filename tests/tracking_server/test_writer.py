"""The writer: many requests to a commit, and none spoils another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from tracking_server.errors import InvalidParameter, Unavailable
from tracking_server.settings import Settings
from tracking_server.store import metric_keys
from tracking_server.store.engine import Database
from tracking_server.store.schema import metric_keys as keys


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings)
    opened.open()
    yield opened
    opened.close()


def add(name: str) -> Any:
    return lambda connection: connection.execute(insert(keys).values(name=name)).rowcount


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(keys)).scalar_one()


def held(database: Database) -> tuple[threading.Event, threading.Thread]:
    """Keep the writer busy until the event is set, so that what is sent meanwhile waits together."""
    release, busy = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        busy.set()
        assert release.wait(10)

    thread = threading.Thread(target=database.write_and_wait, args=(hold,))
    thread.start()
    assert busy.wait(10)
    return release, thread


def test_jobs_that_wait_together_share_a_commit(database: Database) -> None:
    release, holder = held(database)
    before = database.commits

    async def send() -> list[int]:
        sent = [asyncio.ensure_future(database.write(add(f"k{number}"))) for number in range(100)]
        await asyncio.sleep(0)
        release.set()
        return list(await asyncio.gather(*sent))

    assert asyncio.run(send()) == [1] * 100
    holder.join()
    assert database.commits - before <= 2
    assert database.read_now(count) == 100


def test_a_failing_job_takes_back_its_own_work_and_no_other(database: Database) -> None:
    release, holder = held(database)

    def fail(connection: Connection) -> None:
        add("half")(connection)
        raise InvalidParameter("on purpose")

    async def send() -> list[Any]:
        jobs = [add("before"), fail, add("before"), add("after")]
        sent = [asyncio.ensure_future(database.write(job)) for job in jobs]
        await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*sent, return_exceptions=True)

    first, failed, duplicate, last = asyncio.run(send())
    holder.join()

    assert (first, last) == (1, 1)
    assert isinstance(failed, InvalidParameter)
    assert isinstance(duplicate, Exception)  # the name is taken: a constraint, found by the database
    assert database.read_now(
        lambda connection: metric_keys.find(connection, ["before", "half", "after"])
    ).keys() == {
        "before",
        "after",
    }


def test_an_id_that_was_rolled_back_is_not_remembered(database: Database) -> None:
    def fail(connection: Connection) -> None:
        metric_keys.ensure(connection, ["loss"])
        raise InvalidParameter("on purpose")

    with pytest.raises(InvalidParameter):
        database.write_and_wait(fail)
    database.write_and_wait(add("other"))  # takes the id that "loss" had
    ids = database.write_and_wait(lambda connection: metric_keys.ensure(connection, ["loss", "other"]))

    assert ids["loss"] != ids["other"]
    assert ids == database.read_now(lambda connection: metric_keys.find(connection, ["loss", "other"]))


def test_a_full_disk_is_told_to_all_and_passes(database: Database) -> None:
    def limit(pages: int) -> Any:
        return lambda connection: connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    database.write_and_wait(limit(1))  # SQLite refuses to grow beyond its present size

    def fill(connection: Connection) -> None:
        for number in range(2000):
            add(f"{number} " + "x" * 200)(connection)

    with pytest.raises(Unavailable, match="full"):
        database.write_and_wait(fill)
    assert database.read_now(count) == 0
    database.write_and_wait(limit(1_000_000))
    assert database.write_and_wait(add("fits")) == 1


def test_a_closed_database_refuses_and_waits_for_nobody(settings: Settings) -> None:
    database = Database(settings)
    database.open()
    database.close()

    with pytest.raises(Unavailable):
        database.write_and_wait(add("late"))


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises((Unavailable, OperationalError)):
        database.read_now(add("x"))


def test_a_caller_that_went_away_harms_nobody(database: Database) -> None:
    release, holder = held(database)

    async def send() -> int:
        gone = asyncio.ensure_future(database.write(add("gone")))
        stays = asyncio.ensure_future(database.write(add("stays")))
        await asyncio.sleep(0)
        gone.cancel()
        release.set()
        return int(await stays)

    assert asyncio.run(send()) == 1
    holder.join()
    assert database.read_now(count) == 2


def test_a_job_that_loses_a_race_for_a_name_runs_once_more(database: Database) -> None:
    ran: list[int] = []

    def work(connection: Connection) -> int:
        ran.append(count(connection))
        if len(ran) == 1:  # as if another process had taken the name after this one looked
            add("taken")(connection)
            add("taken")(connection)
        return len(ran)

    assert database.write_and_wait(work) == 2
    assert ran == [0, 0]


class Deadlock(Exception):
    """What a database server says to who loses against another writer."""

    sqlstate = "40001"


def test_a_store_whose_writer_lost_a_race_is_well(database: Database) -> None:
    well: list[bool] = []

    def work(_connection: Any) -> None:
        well.append(database.is_writing)
        if len(well) == 1:
            raise DBAPIError.instance("UPDATE", None, Deadlock(), Exception)

    database.write_and_wait(work)

    assert well == [True, True]
