"""A server that goes away for some seconds in the middle of a run."""

from __future__ import annotations

import signal
import socket
import threading

import pytest

from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import stop_server
from tracking_client import local_server
from tracking_client.client import TrackingClient
from tracking_client.tracking_uri import LocalStore

_LOG_MANY = """
import sys
import tracking_client as tracking
with tracking.start_run() as run:
    print(run.info.run_id, flush=True)
    for step in range(200):
        tracking.log_metric("m", step, step=step)
        if step in (50, 100):
            print(step, flush=True)
            sys.stdin.readline()
"""


def test_a_launched_program_outlives_the_death_of_its_server(store: LocalStore, scripts: Scripts) -> None:
    """It knows an address, not a store: somebody who knows the store (its runner) brings the server back."""
    first = local_server.ensure(store)
    environ = {"MLFLOW_TRACKING_URI": first.url, "MLFLOW_TRACKING_TOKEN": first.token}
    with scripts.start(_LOG_MANY, **environ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        run_id = process.stdout.readline().strip()
        stop_server(store, signal.SIGKILL)
        warning = process.stderr.readline()
        assert "the tracking server does not answer; what is logged is kept in" in warning
        assert first.url in warning
        second = local_server.ensure(store, unreachable=first)
        assert second.url == first.url
        assert process.wait(timeout=60) == 0
        assert "takes what is logged again" in process.stderr.read()
    client = TrackingClient(store.uri)
    assert client.get_run(run_id).info.status == "FINISHED"
    assert [metric.step for metric in client.get_metric_history(run_id, "m")] == list(range(200))


def test_a_program_with_a_local_store_brings_the_server_back_itself(
    store: LocalStore, scripts: Scripts
) -> None:
    with scripts.start(_LOG_MANY, MLFLOW_TRACKING_URI=store.uri) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        run_id = process.stdout.readline().strip()
        for expected in ("50", "100"):
            assert process.stdout.readline().strip() == expected
            stop_server(store, signal.SIGKILL)
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""
    client = TrackingClient(store.uri)
    assert [metric.step for metric in client.get_metric_history(run_id, "m")] == list(range(200))


def test_many_threads_share_one_return(store: LocalStore) -> None:
    client = TrackingClient(store.uri)
    run_id = client.create_run("0").info.run_id
    stop_server(store, signal.SIGKILL)
    failures: list[BaseException] = []

    def log(number: int) -> None:
        try:
            client.log_metric(run_id, "m", number, step=number)
        except BaseException as error:  # noqa: BLE001  # shown by the main thread
            failures.append(error)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [metric.step for metric in client.get_metric_history(run_id, "m")] == list(range(8))


def test_a_server_that_accepts_and_never_answers_costs_no_more_than_the_deadline(scripts: Scripts) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = scripts.run(
            "import tracking_client as tracking; tracking.start_run()",
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{silent.getsockname()[1]}",
            RUNNER_HTTP_DEADLINE_S="1",
            RUNNER_OFFLINE="0",
        )
    assert done.returncode == 1
    assert "Timeout: " in done.stderr


@pytest.mark.parametrize("seconds", ["0.5"])
def test_a_server_that_is_not_there_is_given_up_in_time(scripts: Scripts, seconds: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = scripts.run(
            "import tracking_client as tracking; tracking.log_metric('m', 1)",
            MLFLOW_TRACKING_URI=url,
            RUNNER_HTTP_DEADLINE_S=seconds,
            RUNNER_OFFLINE="0",
        )
    assert done.returncode == 1
    assert f"ConnectFailed: no connection to {url}: Connection refused" in done.stderr
