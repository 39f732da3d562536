"""A database that goes away: waited for a while, said so, found again; and nothing acknowledged is lost."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, text

from tests.tracking_server import database_servers
from tests.tracking_server.conftest import V2, Api, ServerProcess
from tests.tracking_server.database_servers import DatabaseServer
from tracking_server.errors import Unavailable
from tracking_server.settings import Settings
from tracking_server.store import commit_outcome, connections, runs, schema
from tracking_server.store.engine import Database
from tracking_server.store.writer import Writer


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """One that waits for the disk, as in life."""
    make = database_servers.postgresql if request.param == "postgresql" else database_servers.mariadb
    with make(durable=True) as running:
        yield running


@pytest.fixture
def settings(server: DatabaseServer, tmp_path: Any) -> Settings:
    uri = server.uri(server.create_database())
    return Settings(backend_store_uri=uri, artifacts_destination=str(tmp_path / "artifacts"))


def cut_connections(server: DatabaseServer) -> None:
    with server.admin.connect() as connection:
        if server.kind == "postgresql":
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tracking_server'"
                )
            )
            return
        for number, database in connection.execute(
            text("SELECT id, db FROM information_schema.processlist")
        ).all():
            if database is not None and database.startswith("store_"):
                connection.execute(text(f"KILL {number}"))


def test_connections_that_were_cut_are_made_again_within_the_request(
    api: Api, server: DatabaseServer
) -> None:
    run_id = api.run()
    for number in range(5):
        api.whole_run(run_id)
        cut_connections(server)
        api.post("runs/log-metric", run_id=run_id, key="m", value=number, timestamp=number)
        cut_connections(server)
        assert api.whole_run(run_id)["data"]["metrics"][0]["value"] == number


def test_a_database_that_stays_away_is_said_so_and_found_again(
    api: Api, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = api.run()
    monkeypatch.setattr("tracking_server.store.jobs.RETRY_S", 1.0)
    monkeypatch.setattr("tracking_server.store.engine.RETRY_S", 1.0)
    body = {"run_id": run_id, "key": "k", "value": "v"}

    def log(_number: int) -> Any:
        return api.http.post(f"{V2}/runs/set-tag", json=body)

    server.stop()
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            told = list(pool.map(log, range(20)))
        told.append(api.http.get(f"{V2}/runs/get", params={"run_id": run_id}))
        took_s = time.monotonic() - began
    finally:
        server.start()

    for reply in told:
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1"), reply.text
        assert reply.json()["message"].startswith("The database cannot ")
        assert "127.0.0.1" not in reply.text
    assert took_s < 8  # all wait together, and not one after another
    assert log(0).status_code == 200
    assert api.whole_run(run_id)["info"]["run_id"] == run_id


def test_those_who_wait_for_a_silent_database_give_up_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking_server.store.jobs.RETRY_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        uri = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/d"
        writing, _ = connections.engines(Settings(backend_store_uri=uri, artifacts_destination="a"))
        writer = Writer(writing, lambda _connection: None)
        writer.start()
        began = time.monotonic()

        def write(_number: int) -> object:
            try:
                return writer.write_and_wait(lambda _connection: None)
            except Unavailable as error:
                return error

        with ThreadPoolExecutor(10) as pool:
            told = list(pool.map(write, range(10)))
        took_s = time.monotonic() - began
        writer.close()
        writing.dispose()

    assert all(isinstance(one, Unavailable) for one in told), told
    assert took_s < 3 * connections.CONNECT_LIMIT_S


def test_a_database_that_starts_late_is_waited_for(settings: Settings, server: DatabaseServer) -> None:
    server.stop()
    threading.Timer(0.5, server.start).start()
    database = Database(settings)
    database.open()
    database.close()


class Load:
    """Clients that write to a server process, and what it acknowledged."""

    def __init__(self, http: httpx2.Client, clients: int) -> None:
        self._http = http
        self._stop = threading.Event()
        self.created: list[str] = []
        self.points: dict[str, list[int]] = {}
        self.refusals: set[int] = set()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _send(self, path: str, body: dict[str, Any]) -> Any:
        """The reply, once there is one that is no refusal."""
        while True:
            try:
                reply = self._http.post(f"{V2}/{path}", json=body)
            except httpx2.HTTPError:
                continue
            if reply.status_code == 200:
                return reply.json()
            self.refusals.add(reply.status_code)
            if self._stop.is_set():
                return None

    def _work(self, number: int) -> None:
        for count in itertools.count():
            if self._stop.is_set():
                return
            run_id = f"{number:016x}{count:016x}"
            if self._send("runs/create", {"experiment_id": "0", "run_id": run_id, "start_time": 1}) is None:
                return
            self.created.append(run_id)
            for step in range(10):
                metrics = [{"key": key, "value": step, "timestamp": 1, "step": step} for key in "abcde"]
                if self._send("runs/log-batch", {"run_id": run_id, "metrics": metrics}) is None:
                    return
                self.points.setdefault(run_id, []).append(step)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def check(database: Database, load: Load) -> None:
    """Everything acknowledged is there, and every batch is there whole."""
    found: dict[str, dict[int | None, int]] = {run: {} for run in load.created}

    def read(connection: Any) -> None:
        statement = (
            select(schema.runs.c.uuid, schema.metrics.c.step, func.count())
            .join(schema.metrics, schema.metrics.c.run_id == schema.runs.c.id, isouter=True)
            .group_by(schema.runs.c.uuid, schema.metrics.c.step)
        )
        for run_id, step, count in connection.execute(statement):
            found.setdefault(run_id, {})[step] = count

    database.read_now(read)
    for run_id in load.created:
        steps = found[run_id]
        assert set(load.points.get(run_id, ())) <= set(steps), run_id
    assert {count for steps in found.values() for step, count in steps.items() if step is not None} <= {5}
    with_rows = select(func.count()).select_from(schema.runs)
    assert len(load.created) <= database.read_now(
        lambda connection: connection.execute(with_rows).scalar_one()
    )


def test_a_database_stopped_and_killed_under_load_loses_nothing(
    server: DatabaseServer,
    settings: Settings,
    start_server: Callable[..., ServerProcess],
    wait_for: Callable[..., None],
) -> None:
    load = Load(start_server().http, clients=8)
    try:
        for end in (server.stop, server.kill, server.stop, server.kill):
            before = len(load.created)
            wait_for(lambda before=before: len(load.created) >= before + 20, timeout_s=30)
            end()
            server.start()
        before = len(load.created)
        wait_for(lambda: len(load.created) >= before + 20, timeout_s=30)
    finally:
        load.stop()
    assert load.refusals <= {503}
    database = Database(settings)
    database.open()
    check(database, load)
    database.close()


def test_a_commit_whose_answer_was_lost_is_looked_up_and_not_done_twice(
    server: DatabaseServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.kind != "postgresql":
        return  # cannot be asked; its callers are told that the outcome is unknown
    database = Database(settings)
    database.open()
    numbers: list[int | None] = []
    ask = commit_outcome.transaction_number

    def just_before_commit(connection: Any) -> int | None:
        numbers.append(ask(connection))
        if len(numbers) <= 3:
            # The connection ends now, so that COMMIT itself fails; every second time it was done all the same.
            driver = connection.connection.driver_connection
            if len(numbers) % 2:
                driver.execute("COMMIT")
                driver.close()
            else:
                cut_connections(server)
        return numbers[-1]

    monkeypatch.setattr(commit_outcome, "transaction_number", just_before_commit)
    made = [
        database.write_and_wait(
            lambda connection: runs.create(connection, runs.NewRun(experiment_id="0", tags={}))
        )
        for _ in range(3)
    ]

    counted = select(schema.runs.c.uuid)
    stored = database.read_now(lambda connection: connection.execute(counted).scalars().all())
    database.close()
    assert sorted(stored) == sorted(run.info.run_id for run in made)
    assert len(numbers) == 4  # the one that was cut before it was committed had to run again
