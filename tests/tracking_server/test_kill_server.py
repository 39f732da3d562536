"""kill -9 of a real server at random moments under load: what it acknowledged is there, and nothing is half there."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import text

from tests.tracking_server.conftest import V2, ServerProcess
from tracking_server.settings import Settings
from tracking_server.store import connections

KILLS = {"sqlite": 100, "postgresql": 12}
CLIENTS = 4
BATCH = 7
SEEDS = random.SystemRandom()


@dataclass
class Acknowledged:
    """What the server said it had stored. Each list grows in one thread."""

    runs: list[str] = field(default_factory=list)
    batches: list[tuple[str, int]] = field(default_factory=list)
    points: list[tuple[str, int]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)


class Client(threading.Thread):
    """Writes one thing after another until the server is gone."""

    def __init__(self, number: int, round_number: int, server: ServerProcess) -> None:
        super().__init__()
        self.name = f"{number:08x}{round_number:08x}"
        self.told = Acknowledged()
        self.faults: list[str] = []
        url = urllib.parse.urlsplit(str(server.http.base_url))
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
        token = server.discovery["token"]
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _send(self, method: str, path: str, body: bytes, kind: str) -> None:
        self._connection.request(method, path, body, {**self._headers, "Content-Type": kind})
        reply = self._connection.getresponse()
        answer = reply.read()
        if reply.status != 200:
            self.faults.append(f"{path}: {reply.status} {answer[:200]!r}")

    def _post(self, path: str, **body: Any) -> None:
        self._send("POST", f"{V2}/{path}", json.dumps(body).encode(), "application/json")

    def run(self) -> None:
        try:
            for number in itertools.count():
                self._write(f"{self.name}{number:016x}")
        except (OSError, http.client.HTTPException):
            self._connection.close()  # killed

    def _write(self, run_id: str) -> None:
        self._post(
            "runs/create",
            experiment_id="0",
            run_id=run_id,
            start_time=1,
            tags=[{"key": "made", "value": "1"}],
        )
        self.told.runs.append(run_id)
        for step in range(3):
            self._post(
                "runs/log-batch",
                run_id=run_id,
                metrics=[{"key": f"b{n}", "value": n, "timestamp": 1, "step": step} for n in range(BATCH)],
                params=[{"key": f"p{step}.{n}", "value": "v"} for n in range(BATCH)],
                tags=[{"key": f"t{step}.{n}", "value": "v"} for n in range(BATCH)],
            )
            self.told.batches.append((run_id, step))
            self._post("runs/log-metric", run_id=run_id, key="single", value=1, timestamp=1, step=step)
            self.told.points.append((run_id, step))
            self._post("runs/set-tag", run_id=run_id, key="last", value=str(step))
            self.told.tags.append((run_id, str(step)))
        name = f"{run_id}.bin"
        self._send(
            "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{name}", content_of(name), "application/octet-stream"
        )
        self.told.artifacts.append(name)


def content_of(name: str) -> bytes:
    return name.encode() * 3000


Query = Callable[[str], list[Any]]


def check(query: Query, clients: list[Client], artifacts: Path) -> None:
    """All that was acknowledged to `clients` is stored, and no log-batch of theirs in part."""
    tags: dict[str, str] = {}
    batches: dict[tuple[str, int], list[int]] = {}
    points: set[tuple[str, int]] = set()
    names = "', '".join(sorted({client.name for client in clients}))
    of_clients = f"substr(runs.uuid, 1, 16) IN ('{names}')"
    stored = {uuid for (uuid,) in query(f"SELECT uuid FROM runs WHERE {of_clients}")}
    for uuid, name, step in query(
        "SELECT runs.uuid, metric_keys.name, metrics.step FROM runs JOIN metrics ON metrics.run_id = runs.id "
        f"JOIN metric_keys ON metric_keys.id = metrics.key_id WHERE {of_clients}"
    ):
        if name == "single":
            points.add((uuid, step))
        else:
            batches.setdefault((uuid, step), [0, 0, 0])[0] += 1
    for place, table in ((1, "params"), (2, "run_tags")):
        for uuid, key, value in query(
            f"SELECT runs.uuid, texts.key, texts.value FROM runs JOIN {table} AS texts ON texts.run_id = runs.id "
            f"WHERE {of_clients}"
        ):
            if key == "last":
                tags[uuid] = value
            elif key[0] in "pt" and "." in key:
                batches.setdefault((uuid, int(key[1])), [0, 0, 0])[place] += 1
    made = {
        uuid
        for (uuid,) in query(
            f"SELECT runs.uuid FROM runs JOIN run_tags ON run_tags.run_id = runs.id WHERE run_tags.key = 'made' AND {of_clients}"
        )
    }
    assert made == stored
    assert {tuple(counts) for counts in batches.values()} <= {(BATCH, BATCH, BATCH)}
    for client in clients:
        told = client.told
        assert client.faults == []
        assert set(told.runs) <= stored
        assert set(told.batches) <= set(batches)
        assert set(told.points) <= points
        for uuid, value in told.tags:
            assert int(tags[uuid]) >= int(value)
        for name in told.artifacts:
            assert (artifacts / name).read_bytes() == content_of(name)
        for path in artifacts.glob(f"{client.name}*"):
            assert path.read_bytes() == content_of(path.name), "half an artifact is visible"


def killed_under_load(server: ServerProcess, round_number: int, moments: random.Random) -> list[Client]:
    clients = [Client(number, round_number, server) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(moments.uniform(0, 0.25))  # the moment of the kill, which is what the test is about
    server.kill()
    for client in clients:
        client.join(20)
        assert not client.is_alive()
    return clients


def test_a_killed_server_has_stored_all_that_it_acknowledged(
    start_server: Callable[..., ServerProcess], settings: Settings
) -> None:
    seed = SEEDS.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    path = settings.sqlite_path
    assert path is not None
    acknowledged: list[Client] = []
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start_server)
        for round_number in range(KILLS["sqlite"]):
            clients = killed_under_load(starting.result(), round_number, moments)
            acknowledged += clients
            starting = pool.submit(start_server)
            with sqlite3.connect(path, timeout=20) as connection:
                assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
                check(
                    lambda sql: connection.execute(sql).fetchall(),
                    clients,
                    Path(settings.artifacts_destination),
                )
            connection.close()
        assert starting.result().stop() == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        check(
            lambda sql: connection.execute(sql).fetchall(), acknowledged, Path(settings.artifacts_destination)
        )
    connection.close()
    assert sum(len(client.told.batches) for client in acknowledged) > KILLS["sqlite"]


@pytest.fixture
def on_postgresql(request: pytest.FixtureRequest) -> Iterator[str]:
    stores = request.getfixturevalue("postgresql_stores")
    uri = stores.take()
    yield uri
    stores.give_back(uri)


class TestOnPostgreSQL:
    """The same with the database elsewhere: what dies is our server, in the middle of its transactions."""

    @pytest.fixture
    def settings(self, tmp_path: Path, on_postgresql: str) -> Settings:
        return Settings(backend_store_uri=on_postgresql, artifacts_destination=str(tmp_path / "artifacts"))

    def test_a_killed_server_has_stored_all_that_it_acknowledged(
        self, start_server: Callable[..., ServerProcess], settings: Settings
    ) -> None:
        seed = SEEDS.randrange(2**32)
        print(f"seed {seed}")
        moments = random.Random(seed)
        engine = sqlalchemy.create_engine(
            connections.server_url(settings.backend_store_uri), poolclass=sqlalchemy.NullPool
        )
        for round_number in range(KILLS["postgresql"]):
            clients = killed_under_load(start_server(), round_number, moments)
            with engine.connect() as connection:

                def query(sql: str, connection: Any = connection) -> list[Any]:
                    return list(connection.execute(text(sql)).all())

                check(query, clients, Path(settings.artifacts_destination))
