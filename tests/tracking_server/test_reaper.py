"""Closing runs whose keeper died, by a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tracking_client.wire import names
from tracking_server.settings import Settings
from tracking_server.store import runs
from tracking_server.store.engine import Database
from tracking_server.store.reaper import Reaper


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Watch:
    """A reaper over a real store, with its clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.reaper = Reaper(database, every_s=5, lost_s=45, now=self.clock)

    def run(self, heartbeat: str | None = "1700000000000", **tags: str) -> str:
        if heartbeat is not None:
            tags[names.HEARTBEAT] = heartbeat
        new = runs.NewRun(experiment_id="0", tags=tags)
        return self.database.write_and_wait(lambda connection: runs.create(connection, new)).info.run_id

    def beat(self, run_id: str, value: str) -> None:
        self.database.write_and_wait(
            lambda connection: runs.log(connection, run_id, tags={names.HEARTBEAT: value})
        )

    def tag(self, run_id: str, key: str, value: str) -> None:
        self.database.write_and_wait(lambda connection: runs.log(connection, run_id, tags={key: value}))

    def look_after(self, seconds: float) -> list[str]:
        self.clock.now_s += seconds
        return asyncio.run(self.reaper.look())

    def whole(self, run_id: str) -> Any:
        return self.database.read_now(lambda connection: runs.get(connection, run_id))


@pytest.fixture
def watch(settings: Settings) -> Iterator[Watch]:
    database = Database(settings)
    database.open()
    yield Watch(database)
    database.close()


def test_a_run_without_heartbeat_is_closed_after_45_seconds(watch: Watch) -> None:
    run_id = watch.run("1700000000123")

    assert [watch.look_after(seconds) for seconds in (0, 5, 39.9)] == [[], [], []]
    assert watch.look_after(0.2) == [run_id]

    run = watch.whole(run_id)
    assert (run.info.status, run.info.end_time) == ("KILLED", 1700000000123)
    assert {tag.key: tag.value for tag in run.data.tags}[names.END_REASON] == "lost: no heartbeat for 45 s"
    assert not watch.reaper.watching


def test_a_beating_run_lives_however_long(watch: Watch) -> None:
    run_id = watch.run("0")

    for number in range(20):
        watch.beat(run_id, str(number + 1))
        assert watch.look_after(30) == []

    assert watch.whole(run_id).info.status == "RUNNING"
    assert watch.reaper.watching


def test_the_time_before_the_server_started_does_not_count(watch: Watch) -> None:
    run_id = watch.run("1")  # a heartbeat of 1970, as left by a server that was down for long

    assert watch.look_after(0) == []
    assert watch.whole(run_id).info.status == "RUNNING"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED", "SCHEDULED"])
def test_only_running_runs_are_closed(watch: Watch, status: str) -> None:
    run_id = watch.run()
    watch.database.write_and_wait(lambda connection: runs.change(connection, run_id, status=status))

    watch.look_after(0)
    assert watch.look_after(100) == []
    assert watch.whole(run_id).info.status == status


def test_runs_that_never_had_a_heartbeat_are_left_alone(watch: Watch) -> None:
    run_id = watch.run(None)

    watch.look_after(0)
    assert watch.look_after(10_000) == []
    assert watch.whole(run_id).info.status == "RUNNING"


def test_a_heartbeat_between_looking_and_closing_saves_the_run(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = watch.run("1")
    watch.look_after(0)
    write = watch.database.write

    async def beat_first(work: Any) -> Any:
        await write(lambda connection: runs.log(connection, run_id, tags={names.HEARTBEAT: "2"}))
        return await write(work)

    monkeypatch.setattr(watch.database, "write", beat_first)

    assert watch.look_after(50) == []
    assert watch.whole(run_id).info.status == "RUNNING"


def test_a_heartbeat_that_is_no_time_ends_the_run_now(watch: Watch) -> None:
    run_id = watch.run("alive!")
    watch.look_after(0)
    watch.look_after(45)

    end = watch.whole(run_id).info.end_time
    assert end is not None
    assert end > 1_700_000_000_000


def test_a_resumed_run_is_watched_anew(watch: Watch) -> None:
    run_id = watch.run("1")
    watch.look_after(0)
    watch.look_after(50)
    watch.database.write_and_wait(lambda connection: runs.change(connection, run_id, status="RUNNING"))

    assert watch.look_after(1) == []
    assert watch.look_after(44) == []
    assert watch.look_after(2) == [run_id]


def test_a_run_that_was_closed_for_its_silence_is_reopened_by_its_next_beat(watch: Watch) -> None:
    run_id = watch.run(heartbeat="1700000000000")
    watch.look_after(0)
    assert watch.look_after(45) == [run_id]

    watch.beat(run_id, "1700000000000")  # an old beat that comes late says nothing new
    assert watch.whole(run_id).info.status == "KILLED"
    watch.beat(run_id, "1700000050000")

    run = watch.whole(run_id)
    assert (run.info.status, run.info.end_time) == ("RUNNING", None)
    assert names.END_REASON not in {tag.key for tag in run.data.tags}
    assert watch.look_after(5) == []
    assert watch.look_after(45) == [run_id]  # and it can be lost again
    assert watch.whole(run_id).info.end_time == 1700000050000


def test_a_run_that_somebody_ended_stays_ended_whatever_beats(watch: Watch) -> None:
    for status, tags in (("KILLED", {}), ("KILLED", {names.END_REASON: "stopped by hand"}), ("FINISHED", {})):
        run_id = watch.run(heartbeat="1")
        watch.database.write_and_wait(
            lambda connection, run_id=run_id, status=status: runs.change(  # type: ignore[misc]  # defaults for the loop's names
                connection, run_id, status=status, end_ms=5
            )
        )
        for key, value in tags.items():
            watch.tag(run_id, key, value)

        watch.beat(run_id, "2")

        assert (watch.whole(run_id).info.status, watch.whole(run_id).info.end_time) == (status, 5)


def test_of_several_servers_that_watch_one_closes_a_run(settings: Settings, watch: Watch) -> None:
    other = Database(settings)
    other.open()
    second = Watch(other)
    run_ids = {watch.run() for _ in range(5)}
    for one in (watch, second):
        one.look_after(0)

    closed = [run_id for one in (watch, second) for run_id in one.look_after(45)]

    other.close()
    assert sorted(closed) == sorted(run_ids)
    assert {watch.whole(run_id).info.status for run_id in run_ids} == {"KILLED"}
