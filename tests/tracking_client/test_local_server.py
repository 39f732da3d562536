"""The server of a local store: found, started, shared, and replaced when it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from tests.processes import has_ended
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import stop_server, wait_until
from tracking_client import local_server
from tracking_client.client import TrackingClient
from tracking_client.errors import LocalServerFailed
from tracking_client.tracking_uri import LocalStore

_LOG_ONE = """
import sys
import tracking_client as tracking
with tracking.start_run() as run:
    tracking.log_metric("m", int(sys.argv[1]))
"""


def _is_running(pid: int) -> bool:
    return not has_ended(pid)


def _servers_of(store: LocalStore) -> list[int]:
    arguments = {process.pid: process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])}
    return [pid for pid, argv in arguments.items() if "tracking_server" in argv and store.uri in argv]


def test_the_first_client_starts_it_and_the_next_ones_find_it(store: LocalStore) -> None:
    first = local_server.ensure(store)
    assert local_server.ensure(store) == first
    assert local_server.ensure(store.database.parent) == first
    client = TrackingClient(store.uri)
    run = client.create_run("0")
    assert client.transport.local_server == first
    assert client.run_context(run).tracking_uri == first.url
    assert (store.database.is_file(), store.artifacts.is_dir()) == (True, True)
    client.log_text(run.info.run_id, "x", "x.txt")
    assert [path.name for path in store.artifacts.rglob("*.txt")] == ["x.txt"]


def test_its_files_are_for_the_owner_only(store: LocalStore) -> None:
    local_server.ensure(store)
    for suffix in (".server", ".server.log", ".lock", ".token"):
        assert store.beside(suffix).stat().st_mode & 0o077 == 0


def test_it_belongs_to_no_terminal_and_inherits_nothing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "a" * 32)
    inheritable = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(inheritable, True)
    process = psutil.Process(local_server.ensure(store).pid)
    assert os.getsid(process.pid) == process.pid
    assert "MLFLOW_RUN_ID" not in process.environ()
    assert process.cwd() == "/"
    assert str(tmp_path) not in {os.readlink(link) for link in Path(f"/proc/{process.pid}/fd").iterdir()}
    assert "token" not in {argument.lower() for argument in process.cmdline()}
    token = local_server.ensure(store).token
    assert token
    assert token not in " ".join(process.cmdline())
    os.close(inheritable)


def test_eight_processes_that_start_at_once_share_one(store: LocalStore, scripts: Scripts) -> None:
    processes = [scripts.start(_LOG_ONE, str(number), MLFLOW_TRACKING_URI=store.uri) for number in range(8)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [(process.returncode, err) for process, (_, err) in zip(processes, outputs, strict=True)] == [
        (0, "")
    ] * 8
    assert len(_servers_of(store)) == 1
    runs = list(TrackingClient(store.uri).find_runs(["0"]))
    assert sorted(run.data.metrics["m"] for run in runs) == list(range(8))
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_threads_that_start_at_once_share_one(store: LocalStore) -> None:
    found: list[local_server.LocalServer] = []
    threads = [threading.Thread(target=lambda: found.append(local_server.ensure(store))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_it_survives_the_process_that_started_it(store: LocalStore, scripts: Scripts) -> None:
    assert scripts.run(_LOG_ONE, "1", MLFLOW_TRACKING_URI=store.uri).returncode == 0
    found = local_server.discovered(store)
    assert found is not None
    assert _is_running(found.pid)
    assert local_server.ensure(store) == found


def test_without_a_uri_the_store_is_in_the_current_directory(scripts: Scripts) -> None:
    try:
        done = scripts.run(_LOG_ONE, "1")
        assert (done.returncode, done.stderr) == (0, "")
        assert {"mlruns.db", "mlartifacts"} <= set(os.listdir(scripts.directory))
    finally:
        stop_server(LocalStore.at(scripts.directory))


def test_a_client_goes_on_after_its_server_was_killed(store: LocalStore) -> None:
    client = TrackingClient(store.uri)
    run_id = client.create_run("0").info.run_id
    for step in range(3):
        client.log_metric(run_id, "m", step, step=step)
        stop_server(store, signal.SIGKILL)
    assert [metric.value for metric in client.get_metric_history(run_id, "m")] == [0.0, 1.0, 2.0]


def test_the_successor_of_a_killed_server_has_its_address_and_token(store: LocalStore) -> None:
    """Programs that were given the address, MLflow's own client among them, go on."""
    first = local_server.ensure(store)
    stop_server(store, signal.SIGKILL)
    second = local_server.ensure(store, unreachable=first)
    assert (second.url, second.token) == (first.url, first.token)
    assert second.pid != first.pid


def test_a_port_that_is_taken_by_now_is_not_insisted_on(store: LocalStore) -> None:
    first = local_server.ensure(store)
    stop_server(store, signal.SIGKILL)
    other = LocalStore.at(store.database.parent / "other")
    other.database.parent.mkdir()
    other.beside(".server").write_bytes(store.beside(".server").read_bytes())
    try:
        assert local_server.ensure(other, unreachable=first).url == first.url
        # What the discovery file names answers now, but it is another store's server.
        client = TrackingClient(store.uri)
        client.create_run("0")
        assert client.transport.connection.url != first.url
        assert list(TrackingClient(other.uri).find_runs(["0"])) == []
    finally:
        stop_server(other)


def test_a_server_that_left_when_idle_is_started_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_SERVER_IDLE_S", "1.5")
    client = TrackingClient(store.uri)
    run_id = client.create_run("0").info.run_id
    client.set_terminated(run_id)
    first = client.transport.local_server
    assert first is not None
    wait_until(lambda: not _is_running(first.pid), "the idle server left")
    monkeypatch.setenv("RUNNER_SERVER_IDLE_S", "300")
    assert client.get_run(run_id).info.status == "FINISHED"
    assert client.transport.local_server != first


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"url": 1}', b'{"url": "http://127.0.0.1:1", "token": "t", "pid": 1}']
)
def test_a_discovery_file_that_nobody_stands_behind_is_replaced(store: LocalStore, content: bytes) -> None:
    store.database.parent.mkdir(parents=True)
    store.beside(".server").write_bytes(content)
    assert TrackingClient(store.uri).get_experiment("0").name == "Default"
    assert json.loads(store.beside(".server").read_bytes())["version"] == 1


def test_a_server_that_does_not_start_shows_its_log(store: LocalStore) -> None:
    store.database.parent.mkdir(parents=True)
    store.database.write_bytes(b"this is no database" * 100)
    with pytest.raises(LocalServerFailed) as caught:
        TrackingClient(store.uri).get_experiment("0")
    log_path = store.beside(".server.log")
    assert caught.value.log_path == log_path
    assert str(log_path) in str(caught.value)
    assert log_path.read_text().strip().splitlines()[-1] in str(caught.value)
    assert not caught.value.retryable


def test_a_store_in_a_place_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalServerFailed, match="set MLFLOW_TRACKING_URI"):
        TrackingClient(f"{tmp_path}/file/store").get_experiment("0")


def test_a_fork_of_the_starter_does_not_keep_the_lock(store: LocalStore) -> None:
    store.database.parent.mkdir(parents=True)
    with local_server._lock(store) as held:
        assert held is not None
        to_child, to_parent = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.close(to_child[1])
            os.write(to_parent[1], b"x")
            os.read(to_child[0], 1)
            os._exit(0)
        assert os.read(to_parent[0], 1) == b"x"
    with local_server._lock(store) as again:
        assert again is not None
    for descriptor in (*to_child, *to_parent):
        os.close(descriptor)
    os.waitpid(child, 0)


def test_a_user_who_runs_the_server_for_good_is_served_by_it(store: LocalStore, scripts: Scripts) -> None:
    store.database.parent.mkdir(parents=True)
    source = "import sys; from tracking_server.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["--backend-store-uri", store.uri, "--artifacts-destination", str(store.artifacts)]
    with scripts.start(source, *arguments) as process:
        try:
            wait_until(lambda: local_server.discovered(store), "the server listens")
            client = TrackingClient(store.uri)
            client.create_run("0")
            found = client.transport.local_server
            assert found is not None
            assert (found.pid, bool(found.token)) == (process.pid, True)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
