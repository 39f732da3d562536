"""Running a server: its log, its counters, its health, and how it goes."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.small_disks import fill
from tracking_server.guard import access_log
from tracking_server.guard.access_log import AccessLog, without_secrets

REPOSITORY = Path(__file__).resolve().parents[2]
UPLOAD = (
    b"PUT /api/2.0/mlflow-artifacts/artifacts/%b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
)


def lines_of(log: Path) -> list[Any]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_every_request_is_a_line_of_json(start_server: Any, tmp_path: Path, wait_for: Any) -> None:
    log = tmp_path / "access.log"
    server = start_server(f"--access-log={log}")
    server.http.get("/api/2.0/mlflow/runs/get", params={"run_id": "nöne\n", "token": "secret"})
    server.post("experiments/create", name="x")
    wait_for(lambda: len(lines_of(log)) >= 3)
    health, missing, made = lines_of(log)[:3]

    assert health["path"] == "/health"
    assert missing["method"] == "GET"
    assert missing["path"] == "/api/2.0/mlflow/runs/get"
    assert missing["query"].endswith("token=%2A%2A%2A")
    assert missing["status"] in (400, 404)
    assert made["status"] == 200
    assert made["bytes"] > 10
    assert 0 < made["duration_ms"] < 10_000
    assert made["client"] == "127.0.0.1"
    assert made["time"].endswith("Z")
    assert "secret" not in log.read_text()
    assert server.discovery["token"] not in log.read_text()


def test_a_log_on_a_full_disk_goes_on_where_it_was_and_counts_what_it_lost(
    disk: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Any
) -> None:
    monkeypatch.setattr(access_log, "MAX_UNWRITTEN_BYTES", 20_000)
    path = disk / "access.log"
    log = AccessLog(str(path))
    about: dict[str, Any] = {
        "method": "GET",
        "query": b"",
        "status": 200,
        "size_bytes": 1,
        "took_s": 0.1,
        "client": "",
        "token": "",
    }
    filler = fill(disk)
    for number in range(300):
        log.write(path=f"/{number}", **about)
    wait_for(lambda: log.has_unwritten)
    for number in range(300, 500):
        log.write(path=f"/{number}", **about)
    wait_for(lambda: log.dropped == 200)

    filler.unlink()
    log.write(path="/last", **about)
    log.close()

    lines = lines_of(path)
    assert [line["path"] for line in lines[:300]] == [f"/{number}" for number in range(300)]
    assert lines[-1]["dropped"] >= 200
    assert len(lines) + lines[-1]["dropped"] == 502  # every line, and the one that says how many not


def test_the_log_names_the_token_and_who_was_refused(
    make_api: Any, with_settings: Any, tmp_path: Path, wait_for: Any
) -> None:
    log = tmp_path / "access.log"
    api = make_api(with_settings(token="the secret", access_log=str(log)))
    api.http.get("/", headers={"Authorization": "Bearer the secret"})
    api.http.get("/", headers={"Authorization": "Bearer wrong guess"})
    api.http.get("/", headers={"Host": "evil.example"})
    wait_for(lambda: len(lines_of(log)) == 3)
    known, stranger, rebound = lines_of(log)

    assert (known["status"], known["token"]) == (200, "server")
    assert (stranger["status"], "token" in stranger) == (401, False)
    assert rebound["status"] == 403
    for secret in ("the secret", "wrong guess"):
        assert secret not in log.read_text()
    api.application.log.close()


def test_a_log_that_was_moved_is_begun_anew(start_server: Any, tmp_path: Path, wait_for: Any) -> None:
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    server = start_server(f"--access-log={log}")
    wait_for(lambda: lines_of(log))
    log.rename(old)

    wait_for(lambda: server.http.get("/version") and lines_of(log))
    assert lines_of(old)


def test_a_log_can_go_to_stderr(start_server: Any, wait_for: Any) -> None:
    server = start_server("--access-log=-")

    wait_for(lambda: '"path":"/health"' in server.log.read_text())


def test_no_log_is_kept_unless_asked_for(start_server: Any) -> None:
    server = start_server()
    server.http.get("/version")
    server.stop()

    assert "/version" not in server.log.read_text()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"run_id=1&path=a%2Fb", "run_id=1&path=a%2Fb"),
        (b"token=abc", "token=%2A%2A%2A"),
        (b"a=1&TOKEN=abc&password=x", "a=1&TOKEN=%2A%2A%2A&password=%2A%2A%2A"),
        (b"X-Amz-Signature=abc", "X-Amz-Signature=%2A%2A%2A"),
        (b"\xff\xfe", "\xff\xfe"),
    ],
)
def test_secrets_in_addresses_stay_out_of_the_log(query: bytes, shown: str) -> None:
    assert without_secrets(query) == shown


def samples(text: str) -> dict[str, float]:
    pairs = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


def test_prometheus_finds_what_it_needs(start_server: Any) -> None:
    server = start_server()
    for number in range(3):
        server.post("experiments/create", name=f"x{number}")
    server.http.get("/api/2.0/mlflow/experiments/get", params={"experiment_id": "99"})
    for path in ("/nothing", "/made/up", "/api/2.0/mlflow/a-path-of-my-own"):
        server.http.get(path)
    reply = server.http.get("/metrics")
    found = samples(reply.text)
    create = "/mlflow/experiments/create"
    took = "tracking_server_request_duration_seconds"

    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert found[f'tracking_server_requests_total{{method="POST",endpoint="{create}",status="200"}}'] == 3
    get = 'method="GET",endpoint="/mlflow/experiments/get",status="404"'
    assert found[f"tracking_server_requests_total{{{get}}}"] == 1
    assert found[f'{took}_bucket{{endpoint="{create}",le="+Inf"}}'] == 3
    assert found[f'{took}_count{{endpoint="{create}"}}'] == 3
    assert 0 < found[f'{took}_sum{{endpoint="{create}"}}'] < 10
    assert "own" not in reply.text  # a client cannot make up counters
    assert found["tracking_server_writes_total"] >= 3
    assert 1 <= found["tracking_server_commits_total"] <= found["tracking_server_writes_total"]
    assert found["tracking_server_waiting_writes"] == 0
    assert found["tracking_server_requests_in_flight"] == 1
    assert found["tracking_server_connections"] >= 1
    assert found["tracking_server_database_size_bytes"] > 50_000
    resident = psutil.Process(server.process.pid).memory_info().rss
    assert found["process_resident_memory_bytes"] == pytest.approx(resident, rel=0.2)
    assert abs(found["process_start_time_seconds"] - time.time()) < 60


def test_buckets_of_a_histogram_add_up(api: Any) -> None:
    for _ in range(5):
        api.get("experiments/get", experiment_id="0")
    found = samples(api.http.get("/metrics").text)
    buckets = [value for name, value in found.items() if "_bucket" in name and "experiments/get" in name]

    assert buckets == sorted(buckets)
    assert buckets[-1] == 5


def test_health_is_that_of_the_database(api: Any, wait_for: Any) -> None:
    assert api.http.get("/health").text == "OK"

    api.application.database.close()

    wait_for(lambda: api.http.get("/health").status_code == 503, timeout_s=8)
    assert api.http.get("/health").json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert api.http.get("/version").status_code == 200  # the process lives


def test_what_was_begun_is_finished_and_nothing_new_begins(start_server: Any, wait_for: Any) -> None:
    server = start_server("--drain-s=20")
    host, port = server.address
    uploads = [socket.create_connection((host, port)) for _ in range(5)]
    idle = socket.create_connection((host, port))
    for number, upload in enumerate(uploads):
        upload.sendall(UPLOAD % (b"%d.bin" % number, 200_000) + b"x" * 100_000)
    wait_for(lambda: samples(server.http.get("/metrics").text)["tracking_server_requests_in_flight"] == 6)

    server.process.terminate()

    assert idle.recv(1) == b""  # kept alive for nothing: closed at once

    def is_refused() -> bool:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            return True
        return False

    wait_for(is_refused)
    assert not server.discovery_file.exists()
    with pytest.raises(subprocess.TimeoutExpired):
        server.process.wait(1)  # it waits for the uploads, and they take their time
    for upload in uploads:
        upload.sendall(b"y" * 100_000)
        assert upload.recv(100).startswith(b"HTTP/1.1 200")
    assert server.process.wait(10) == 0
    for connection in (*uploads, idle):
        connection.close()
    again = start_server()
    for number in range(5):
        stored = again.http.get(f"/api/2.0/mlflow-artifacts/artifacts/{number}.bin").content
        assert stored == b"x" * 100_000 + b"y" * 100_000


def test_no_answered_write_is_lost_and_none_is_cut_while_a_server_stops(start_server: Any) -> None:
    server = start_server()
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    url = str(server.http.base_url)
    answered: list[int] = []
    broken: list[str] = []
    enough = threading.Event()

    def write(worker: int) -> None:
        with httpx2.Client(base_url=url, trust_env=False, timeout=10) as client:
            for number in range(100_000):
                step = worker * 1_000_000 + number
                body = {"run_id": run_id, "key": "k", "value": 1, "timestamp": step, "step": step}
                try:
                    reply = client.post("/api/2.0/mlflow/runs/log-metric", json=body)
                except httpx2.ConnectError:
                    return  # refused: the server is gone
                except httpx2.HTTPError as error:
                    broken.append(repr(error))
                    return
                if reply.status_code != 200:
                    return
                answered.append(step)
                if len(answered) > 200:
                    enough.set()

    workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    assert enough.wait(20)
    assert server.stop() == 0
    for worker in workers:
        worker.join()
    points = start_server().get("metrics/get-history", run_id=run_id, metric_key="k")["metrics"]

    assert {point["step"] for point in points} >= set(answered)
    # A request may cross the end of its connection; it is never answered half.
    assert all("RemoteProtocolError" in error or "ReadError" in error for error in broken)


def test_a_port_that_is_taken_is_named(run_to_end: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_to_end(f"--port={port}")

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: Cannot listen on 127.0.0.1:{port}: Address already in use")
    assert refused.stderr.count("\n") == 1


def test_a_newer_store_is_left_alone(start_server: Any, run_to_end: Any, settings: Any) -> None:
    start_server().stop()
    with sqlite3.connect(settings.sqlite_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = settings.sqlite_path.read_bytes()
    refused = run_to_end()

    assert refused.returncode == 2
    assert refused.stderr.startswith("error: The database has schema revision 9999")
    assert refused.stderr.count("\n") == 1
    assert settings.sqlite_path.read_bytes() == before


def without_power() -> None:
    """In a child that is about to start: root loses the right to write where it may not."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


@pytest.mark.parametrize("what", ["directory", "database"])
def test_a_store_that_cannot_be_written_is_refused(start_server: Any, settings: Any, what: str) -> None:
    start_server().stop()
    directory = settings.sqlite_path.parent
    path, mode = (directory, 0o500) if what == "directory" else (settings.sqlite_path, 0o400)
    path.chmod(mode)
    try:
        refused = subprocess.run(
            [sys.executable, "-m", "tracking_server", f"--backend-store-uri={settings.backend_store_uri}"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            preexec_fn=without_power,
        )
    finally:
        path.chmod(0o700)

    assert refused.returncode == 2
    assert refused.stderr.startswith("error: Cannot ")
    assert str(settings.sqlite_path) in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--no-such-option"], ["--port=many"], ["stray"], ["--cors-allowed-origins=*"]]
)
def test_options_that_mean_nothing_are_refused_in_one_line(run_to_end: Any, options: list[str]) -> None:
    refused = run_to_end(*options)

    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1


def test_a_server_may_have_as_many_clients_as_it_says(start_server: Any) -> None:
    server = start_server()
    soft, _ = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)

    assert soft >= 1100 or soft == os.sysconf("SC_OPEN_MAX")
