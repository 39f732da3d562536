"""`runner sync`, and the runner that launched a program: what the dead did not live to send is sent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracking_client
from tests.e2e.terminal import Done, User
from tests.tracking_client.proxy import Proxy
from tests.tracking_client.servers import wait_until
from tracking_client.client import TrackingClient
from tracking_client.journal import entries
from tracking_client.journal.spool import REFUSED_FOLDER, Spool, all_in
from tracking_client.journal.syncing import is_left_behind, sync_left_behind
from tracking_client.journal_folder import journal_folder, spare_folder
from tracking_client.local_server import LocalServer


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """Somebody at a terminal."""
    (tmp_path / "user").mkdir()
    person = User(directory=tmp_path / "user")
    yield person
    person.stop_server()


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


def _left(uri: str, run_id: str, count: int, *more: bytes, folder: Path | None = None) -> Path:
    """The journal of a program that died after it had logged so many metrics, and `more`."""
    spool = Spool.create(folder or journal_folder(), uri)
    descriptor = spool.new_segment()
    lines = [entries.metric_line(run_id, "m", step / 3, 1, step) for step in range(count)]
    os.write(descriptor, b"".join([*lines, *more]))
    os.close(descriptor)
    spool.leave()
    return spool.path


def _steps(client: TrackingClient, run_id: str) -> list[int]:
    return [metric.step for metric in client.get_metric_history(run_id, "m")]


def test_it_sends_what_is_left_and_removes_it(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
) -> None:
    _left(server.url, run_id, 1500)
    _left(server.url, run_id, 0, entries.line(entries.PARAM, run_id, {"key": "p", "value": "1"}))
    done = user.types("sync")
    assert done.code == 0, done.err
    assert f"sent 1,500 values to {server.url}" in done.out
    assert _steps(client, run_id) == list(range(1500))
    assert client.get_run(run_id).data.params == {"p": "1"}
    assert all_in(journal_folder()) == []
    again = user.types("sync")
    assert (again.code, again.out) == (0, "")
    assert "nothing waits to be sent" in again.err


def test_a_dry_run_sends_nothing_and_says_what_would_be_sent(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
) -> None:
    path = _left(server.url, run_id, 3)
    done = user.types("sync", "--dry-run")
    assert done.code == 0, done.err
    assert f"would send to {server.url}" in done.out
    listed = json.loads(user.types("sync", "--dry-run", "--json").out)["journals"]
    assert [(each["path"], each["tracking_uri"], each["pid"]) for each in listed] == [
        (str(path), server.url, os.getpid())
    ]
    assert _steps(client, run_id) == []
    assert all_in(journal_folder()) == [path]


def test_it_sends_to_another_server_where_it_is_told_to(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
) -> None:
    _left("http://127.0.0.1:1", run_id, 10)
    done = user.types("sync", "--to", server.url, "--json")
    assert done.code == 0, done.err
    (journal,) = json.loads(done.out)["journals"]
    assert (journal["shipped"], journal["left"], journal["failure"]) == (10, 0, None)
    assert _steps(client, run_id) == list(range(10))


def test_what_was_logged_online_is_not_sent_where_its_run_is_not(
    user: User, client: TrackingClient, server: LocalServer
) -> None:
    del client  # its fixture says who we are
    path = _left("http://127.0.0.1:1", "0" * 32, 10)
    done = user.types("sync", "--to", server.url)
    assert done.code == 3
    assert "10 values could not be sent: Run with id=" in done.err
    assert all_in(journal_folder()) == [path]


def test_credentials_go_to_no_server_that_a_program_of_another_day_logged_to(
    user: User, proxy: Proxy, run_id: str
) -> None:
    _left(proxy.url, run_id, 3)
    proxy.plan = [(401, {}, b"{}")] * 9
    user.environ["MLFLOW_TRACKING_TOKEN"] = "a secret"
    elsewhere = "http://127.0.0.1:9"
    assert user.types("sync", MLFLOW_TRACKING_URI=elsewhere).code == 3
    assert proxy.requests
    assert not any("Authorization" in headers for _, _, headers, _ in proxy.requests)

    proxy.requests.clear()
    user.types("sync", MLFLOW_TRACKING_URI=f"{proxy.url}/")
    user.types("sync", "--to", f"{proxy.url}/", MLFLOW_TRACKING_URI=elsewhere)
    assert {headers.get("Authorization") for _, _, headers, _ in proxy.requests} == {"Bearer a secret"}


def test_a_resumed_run_is_not_ended_by_what_a_dead_process_said_before(
    client: TrackingClient, server: LocalServer, run_id: str
) -> None:
    end = entries.line(entries.END, run_id, {"status": "FINISHED", "end_time": 1})
    _left(server.url, run_id, 5, end)
    with tracking_client.start_run(run_id=run_id):
        assert all_in(journal_folder()) == []
        assert client.get_run(run_id).info.status == "RUNNING"
        assert _steps(client, run_id) == list(range(5))


def test_without_a_server_it_keeps_everything_and_exits_with_3(user: User, run_id: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        path = _left(f"http://127.0.0.1:{closed.getsockname()[1]}", run_id, 10)
        done = user.types("sync", RUNNER_HTTP_DEADLINE_S="1")
    assert done.code == 3
    assert "10 values could not be sent" in done.err
    assert str(journal_folder()) in done.err
    assert "Traceback" not in done.err
    assert all_in(journal_folder()) == [path]


def test_one_server_that_is_away_does_not_keep_the_others_waiting(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = _left(f"http://127.0.0.1:{closed.getsockname()[1]}", run_id, 1)
        _left(server.url, run_id, 10)
        done = user.types("sync", RUNNER_HTTP_DEADLINE_S="1")
    assert done.code == 3
    assert _steps(client, run_id) == list(range(10))
    assert all_in(journal_folder()) == [away]


def test_what_the_server_refuses_is_shown_and_kept_and_it_exits_with_5(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
) -> None:
    client.log_param(run_id, "p", "1")
    _left(server.url, run_id, 10, entries.line(entries.PARAM, run_id, {"key": "p", "value": "2"}))
    done = user.types("sync")
    assert done.code == 5, done.err
    assert f"refused: run {run_id}" in done.out
    assert _steps(client, run_id) == list(range(10))
    (kept,) = (journal_folder() / REFUSED_FOLDER).iterdir()
    assert json.loads(kept.read_text())["entry"] == {"key": "p", "value": "2"}
    assert all_in(journal_folder()) == []


def test_a_value_that_the_server_always_fails_for_does_not_block_it(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    proxy: Proxy,
    run_id: str,
) -> None:
    class Poison(list[str]):
        def __bool__(self) -> bool:
            return True

        def pop(self, _index: object = 0) -> object:  # type: ignore[override]  # steps of other kinds, too
            fault: object = (500, {}, b'{"error_code": "INTERNAL_ERROR", "message": "poisoned"}')
            return fault if b'"step":7}' in proxy.requests[-1][3] else "pass"

    proxy.upstream, proxy.plan = server.url, Poison()
    user.environ["MLFLOW_TRACKING_URI"] = proxy.url
    _left(proxy.url, run_id, 20)
    done = user.types("sync", RUNNER_HTTP_DEADLINE_S="3")
    assert done.code == 5, done.err
    assert "poisoned" in done.out
    assert _steps(client, run_id) == [step for step in range(20) if step != 7]


def test_what_is_cut_off_or_no_journal_does_no_harm(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
) -> None:
    _left(server.url, run_id, 10, b"nonsense\n", b'm\t!\t{"key":"m"}\n', b'm\tabc\t{"key":"m","val')
    (journal_folder() / "no journal").mkdir()
    (journal_folder() / "a file").write_text("x")
    done = user.types("sync", "--json")
    assert done.code == 0, done.err
    (journal,) = json.loads(done.out)["journals"]
    assert (journal["shipped"], journal["torn"]) == (10, 3)
    assert _steps(client, run_id) == list(range(10))
    assert [path.name for path in all_in(journal_folder())] == ["no journal"]


def test_journals_of_the_living_are_left_to_them(
    user: User,
    server: LocalServer,
    client: TrackingClient,
) -> None:
    spool = Spool.create(journal_folder(), server.url)
    done = user.types("sync")
    assert done.code == 0
    assert "1 journal of programs that still run" in done.out
    assert json.loads(user.types("sync", "--json").out) == {"journals": [], "offline": [], "in_use": 1}
    spool.finish()


def test_it_is_known_whether_all_that_the_dead_left_is_sent(
    server: LocalServer, client: TrackingClient, run_id: str
) -> None:
    folder, soon = journal_folder(), time.monotonic() + 60

    def send() -> bool:
        return sync_left_behind(folder, client.transport, server.url, until_s=soon)

    alive = Spool.create(folder, server.url)  # ours: nothing is left by somebody who logs still
    _left("http://127.0.0.1:1", run_id, 3)  # for another server
    assert send()
    left = _left(server.url, run_id, 10)
    assert not sync_left_behind(folder, client.transport, server.url, until_s=0.0)
    about = json.loads((left / "about.json").read_text())
    (left / "about.json").write_text(json.dumps({**about, "pid": _a_dead_pid()}))
    other = Spool.adopt(left)  # another process sends it just now
    assert other is not None
    assert not send()
    assert is_left_behind(folder, server.url, run_id)
    other.leave()
    assert is_left_behind(folder, server.url, run_id)
    assert not is_left_behind(folder, server.url, "another run")
    assert send()
    assert not is_left_behind(folder, server.url, run_id)
    assert _steps(client, run_id) == list(range(10))
    alive.finish()


def _a_dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait(30)
    return process.pid


def test_journals_in_the_spare_directory_are_sent_too(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
    tmp_path: Path,
) -> None:
    spare = tmp_path / spare_folder().name
    _left(server.url, run_id, 10, folder=spare)
    assert user.types("sync", TMPDIR=str(tmp_path)).code == 0
    assert _steps(client, run_id) == list(range(10))


def test_it_may_be_killed_and_run_again(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    proxy: Proxy,
    run_id: str,
) -> None:
    proxy.upstream = server.url
    user.environ["MLFLOW_TRACKING_URI"] = proxy.url
    _left(proxy.url, run_id, 30_000, entries.line(entries.TAG, run_id, {"key": "last", "value": "1"}))
    for requests in (1, 12, 25):
        process = user.start("sync")
        wait_until(lambda at_least=requests: len(proxy.requests) >= at_least, "it is in the middle")  # type: ignore[misc]  # a default binds the loop's value
        process.kill()
        process.communicate()
    assert len(all_in(journal_folder())) == 1
    assert user.types("sync").code == 0
    assert _steps(client, run_id) == list(range(30_000))
    assert client.get_run(run_id).data.tags["last"] == "1"
    assert list(journal_folder().iterdir()) == []


def test_two_at_once_send_everything_once(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    experiment_id: str,
) -> None:
    runs = [client.create_run(experiment_id).info.run_id for _ in range(6)]
    for each in runs:
        _left(server.url, each, 2000)
    ended: list[Done] = []
    threads = [threading.Thread(target=lambda: ended.append(user.types("sync", "--json"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.code for done in ended] == [0, 0], [done.err for done in ended]
    shipped = [each["shipped"] for done in ended for each in json.loads(done.out)["journals"]]
    assert shipped == [2000] * 6
    for each in runs:
        assert _steps(client, each) == list(range(2000))
    assert all_in(journal_folder()) == []


def test_a_run_that_was_called_failed_meanwhile_stays_so(
    user: User,
    client: TrackingClient,
    server: LocalServer,
    run_id: str,
) -> None:
    client.set_terminated(run_id, "FAILED")
    end = {"status": "FINISHED", "end_time": 5}
    _left(server.url, run_id, 10, entries.line(entries.END, run_id, end))
    assert user.types("sync").code == 0
    assert client.get_run(run_id).info.status == "FAILED"
    assert _steps(client, run_id) == list(range(10))


def test_the_runner_sends_what_its_program_left_before_it_closes_the_run(
    user: User,
) -> None:
    folder = user.project(
        {
            "die.py": """
import os, signal
import tracking_client as tracking
from tracking_client.journal import shipper
shipper.GATHER_S = 60.0  # nothing is sent before the end
with tracking.start_run():
    for step in range(2000):
        tracking.log_metric("m", step, step=step)
    tracking.log_param("p", 1)
    os.kill(os.getpid(), signal.SIGKILL)
"""
        }
    )
    done = user.types("run", str(folder), "-e", "die.py", "--env-manager", "local")
    assert done.code != 0
    run = user.run()
    assert run.info.status in ("FAILED", "KILLED")
    assert run.data.params["p"] == "1"
    history = user.client.get_metric_history(run.info.run_id, "m")
    assert [metric.step for metric in history] == list(range(2000))
    assert all_in(journal_folder()) == []
    assert signal.SIGKILL.name in done.err or done.code in (1, 137, -9)
