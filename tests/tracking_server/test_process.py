"""Servers as processes: how they start, are found, share a store, leave and die."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest


@pytest.fixture
def locked(settings: Any) -> Iterator[int]:
    """The store's lock, taken as a starter takes it."""
    path = settings.sqlite_path
    path.parent.mkdir()
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    yield descriptor
    os.close(descriptor)


def lock_is_free(settings: Any) -> bool:
    path = settings.sqlite_path
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def test_a_server_answers_soon_and_stays_small(start_server: Any) -> None:
    first = start_server()
    first.post("runs/create", experiment_id="0")
    first.http.get("/")
    first.stop()
    again = start_server()

    assert again.started_in_s < 2.5  # a second on an idle machine; the tests may share this one
    process = psutil.Process(again.process.pid)
    assert process.memory_info().rss < 120_000_000
    assert process.children() == []


def test_the_discovery_file_tells_where_the_server_is_and_goes_with_it(start_server: Any) -> None:
    server = start_server()
    says = server.discovery
    mode = stat.S_IMODE(server.discovery_file.stat().st_mode)

    assert says["version"] == 1
    assert says["pid"] == server.process.pid
    assert says["url"].startswith("http://127.0.0.1:")
    assert len(says["token"]) >= 32  # for whoever may read the file, should the store have tokens
    assert abs(says["started_at_ms"] / 1000 - time.time()) < 60
    assert mode == 0o600
    assert server.stop() == 0
    assert not server.discovery_file.exists()


def test_a_discovery_file_that_is_not_its_own_is_left(start_server: Any) -> None:
    server = start_server()
    other = {**server.discovery, "pid": 1}
    server.discovery_file.write_text(json.dumps(other))

    server.stop()

    assert json.loads(server.discovery_file.read_text()) == other


def test_a_server_started_with_the_lock_keeps_it_until_it_dies(
    start_server: Any, settings: Any, locked: int, wait_for: Any
) -> None:
    server = start_server(lock_fd=locked)
    os.close(locked)
    try:
        assert not lock_is_free(settings)
        server.kill()
        wait_for(lambda: lock_is_free(settings))
    finally:
        os.open(os.devnull, os.O_RDONLY)  # the number that the fixture closes


def test_a_server_started_with_the_lock_makes_a_token_of_its_own(start_server: Any, locked: int) -> None:
    server = start_server(lock_fd=locked, MLFLOW_TRACKING_TOKEN="of another server")
    token = server.discovery["token"]
    stranger = httpx2.get(f"{server.http.base_url}/", trust_env=False)

    assert len(token) >= 32
    assert token != "of another server"
    assert stranger.status_code == 401
    assert server.get("experiments/get", experiment_id="0")
    assert token not in server.log.read_text()
    assert token not in " ".join(psutil.Process(server.process.pid).cmdline())


def test_a_second_server_on_a_store_names_the_first(start_server: Any, run_to_end: Any) -> None:
    server = start_server()

    refused = run_to_end()

    assert refused.returncode == 2
    assert server.discovery["url"] in refused.stderr
    assert str(server.process.pid) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert server.get("experiments/get", experiment_id="0")


def test_the_token_may_come_from_a_file_or_the_environment(start_server: Any, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from the file\n")
    server = start_server(f"--token-file={file}")
    assert server.discovery["token"] == "from the file"
    server.stop()

    server = start_server(MLFLOW_TRACKING_TOKEN="from the environment")
    assert server.discovery["token"] == "from the environment"


@pytest.mark.parametrize(
    "options",
    [
        ["--token-file=/nonexistent"],
        ["--port=99999"],
        ["--host=no.such.host.invalid"],
        ["--lock-fd=987"],
        ["--backend-store-uri=sqlite:////proc/no/such/place.db"],
        ["--artifacts-destination=gopher://bucket"],
        ["--backend-store-uri=sqlite://"],
    ],
)
def test_what_cannot_work_is_refused_in_one_line(run_to_end: Any, options: list[str]) -> None:
    refused = run_to_end(*options)

    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1
    assert "Traceback" not in refused.stderr


def test_an_idle_server_leaves(start_server: Any, settings: Any) -> None:
    server = start_server("--idle-exit-s=0.5")

    assert server.process.wait(10) == 0
    assert not server.discovery_file.exists()
    assert lock_is_free(settings)


def test_a_server_stays_while_somebody_is_in_the_middle_of_a_request(
    start_server: Any, wait_for: Any
) -> None:
    server = start_server("--idle-exit-s=0.5")
    with socket.create_connection(server.address) as connection:
        head = "PUT /api/2.0/mlflow-artifacts/artifacts/slow.bin HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(f"{head}Content-Length: 2\r\n\r\nx".encode())
        with pytest.raises(Exception, match="timed out"):
            server.process.wait(1.5)
        connection.sendall(b"y")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert server.process.wait(10) == 0


def test_a_server_does_not_leave_runs_behind_whose_end_is_open(start_server: Any, settings: Any) -> None:
    server = start_server("--idle-exit-s=0.5", "--reap-every-s=0.1", "--heartbeat-lost-s=2")
    run = server.post(
        "runs/create", experiment_id="0", tags=[{"key": "runner.heartbeat", "value": "1700000000000"}]
    )["run"]["info"]["run_id"]

    assert server.process.wait(15) == 0

    again = start_server()
    assert again.get("runs/get", run_id=run)["run"]["info"]["status"] == "KILLED"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_answers_what_it_has_begun(start_server: Any, number: int) -> None:
    server = start_server()
    with socket.create_connection(server.address) as connection:
        head = "PUT /api/2.0/mlflow-artifacts/artifacts/x.bin HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(f"{head}Content-Length: 2\r\n\r\nx".encode())
        server.http.get("/health")  # by now the upload has begun too
        server.process.send_signal(number)
        connection.sendall(b"y")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert server.process.wait(5) == 0


def test_a_server_that_is_told_to_stop_waits_no_longer_than_it_was_told(start_server: Any) -> None:
    server = start_server("--drain-s=1")
    with socket.create_connection(server.address) as connection:
        head = "PUT /api/2.0/mlflow-artifacts/artifacts/x.bin HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(f"{head}Content-Length: 2\r\n\r\nx".encode())
        server.http.get("/health")
        began = time.monotonic()
        server.stop()

    assert time.monotonic() - began < 4


def test_every_answered_write_survives_kill_9(start_server: Any, settings: Any) -> None:
    server = start_server()
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    answered: list[int] = []
    url = str(server.http.base_url)

    def write(worker: int) -> None:
        with httpx2.Client(base_url=url, trust_env=False, timeout=10) as client:
            for number in range(100_000):
                step = worker * 1_000_000 + number
                metrics = [
                    {"key": key, "value": step, "timestamp": step, "step": step} for key in ("one", "two")
                ]
                try:
                    reply = client.post(
                        "/api/2.0/mlflow/runs/log-batch", json={"run_id": run_id, "metrics": metrics}
                    )
                except httpx2.HTTPError:
                    return
                if reply.status_code == 200:
                    answered.append(step)

    workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    while len(answered) < 200:
        time.sleep(0.01)
    server.kill()
    for worker in workers:
        worker.join()
    again = start_server()
    stored = {
        key: {
            point["step"]
            for point in again.get("metrics/get-history", run_id=run_id, metric_key=key)["metrics"]
        }
        for key in ("one", "two")
    }

    assert stored["one"] >= set(answered)
    assert stored["one"] == stored["two"]  # no half of a batch
    again.stop()
    with sqlite3.connect(settings.sqlite_path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_requests_on_one_connection_do_not_wait_for_delayed_acknowledgements(start_server: Any) -> None:
    server = start_server()
    server.get("experiments/get", experiment_id="0")
    took = []
    for _ in range(30):
        began = time.perf_counter()
        server.get("experiments/get", experiment_id="0")
        took.append(time.perf_counter() - began)

    assert sorted(took)[len(took) // 2] < 0.03  # a delayed acknowledgement alone is 40 ms
