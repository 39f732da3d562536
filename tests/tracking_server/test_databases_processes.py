"""Several real server processes on one PostgreSQL or MariaDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_server.conftest import V2, ServerProcess
from tests.tracking_server.database_servers import Stores
from tracking_client.wire import names
from tracking_server.settings import Settings

SERVERS = 3
WORKERS = 6


@pytest.fixture(params=["postgresql", "mariadb"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A database without any schema yet."""
    stores: Stores = request.getfixturevalue(f"{request.param}_stores")
    name = stores.server.create_database()
    yield Settings(
        backend_store_uri=stores.server.uri(name), artifacts_destination=str(tmp_path / "artifacts")
    )
    stores.server.drop_database(name)


def test_servers_that_start_together_share_a_store_and_agree(
    start_server: Callable[..., ServerProcess], wait_for: Callable[..., None]
) -> None:
    with ThreadPoolExecutor(SERVERS) as pool:
        servers = list(
            pool.map(
                lambda _number: start_server("--reap-every-s=0.1", "--heartbeat-lost-s=1.5"), range(SERVERS)
            )
        )

    def post(server: int, path: str, **body: Any) -> Any:
        reply = servers[server % SERVERS].http.post(f"{V2}/{path}", json=body)
        assert reply.status_code < 500, reply.text
        return reply.json()

    def work(worker: int) -> list[str]:
        """A client whose every request goes to another server."""
        told: list[str] = []
        for number in range(8):
            made = post(worker, "experiments/create", name=f"experiment {number}")
            told.append(made.get("error_code", "made"))
            shared = f"{number:032x}"
            post(worker + 1, "runs/create", experiment_id="0", run_id=shared, start_time=1)
            param = post(worker + 2, "runs/log-parameter", run_id=shared, key="winner", value=str(worker))
            told.append("accepted" if param == {} else param["error_code"])
            metrics = [
                {"key": f"m{n}", "value": worker, "timestamp": 1, "step": worker}
                for n in (range(5) if worker % 2 else range(4, -1, -1))
            ]
            assert post(worker, "runs/log-batch", run_id=shared, metrics=metrics) == {}
        return told

    with ThreadPoolExecutor(WORKERS) as pool:
        told = [one for worker in pool.map(work, range(WORKERS)) for one in worker]

    assert told.count("made") == told.count("accepted") == 8
    assert told.count("RESOURCE_ALREADY_EXISTS") == told.count("INVALID_PARAMETER_VALUE") == 8 * (WORKERS - 1)
    for server in servers:
        for number in range(8):
            run = server.get("runs/get", run_id=f"{number:032x}")["run"]
            assert len(run["data"]["params"]) == 1
            assert {(point["key"], point["step"]) for point in run["data"]["metrics"]} == {
                (f"m{n}", WORKERS - 1) for n in range(5)
            }
    # One of the three closes a run whose keeper fell silent, and all of them leave the others alone.
    beating = servers[0].post(
        "runs/create", experiment_id="0", tags=[{"key": names.HEARTBEAT, "value": "1700000000000"}]
    )
    lost = beating["run"]["info"]["run_id"]
    wait_for(
        lambda: servers[1].get("runs/get", run_id=lost)["run"]["info"]["status"] == "KILLED", timeout_s=20
    )
    assert servers[2].get("runs/get", run_id=f"{0:032x}")["run"]["info"]["status"] == "RUNNING"
    assert [server.stop() for server in servers] == [0] * SERVERS
    logs = "".join(server.log.read_text() for server in servers)
    assert logs.count("was closed as KILLED") == 1
    assert "Traceback" not in logs


def test_a_server_that_dies_leaves_the_others_and_their_locks_alone(
    start_server: Callable[..., ServerProcess], wait_for: Callable[..., None]
) -> None:
    dying, living = start_server(), start_server()
    run_id = living.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]

    def log(step: int) -> None:
        body = {"run_id": run_id, "key": "m", "value": step, "timestamp": 1, "step": step}
        dying.http.post(f"{V2}/runs/log-metric", json=body)

    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(log, step) for step in range(200)]
        wait_for(lambda: sent[20].done())
        dying.kill()
        living.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1, step=1000)

    assert living.get("runs/get", run_id=run_id)["run"]["data"]["metrics"][0]["step"] == 1000
