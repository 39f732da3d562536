"""How runs end with their process: normally, by an exception, by a signal, in a fork."""

from __future__ import annotations

import signal

import pytest

from tests.tracking_client.proxy import Proxy
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import wait_until
from tracking_client.client import TrackingClient
from tracking_client.local_server import LocalServer

_START = """
import os, signal, sys, time
import tracking_client as tracking
run = tracking.start_run()
print(run.info.run_id, flush=True)
"""
_WAIT = "time.sleep(60)\n"


@pytest.fixture(autouse=True)
def _experiment(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)


@pytest.mark.parametrize(
    ("rest", "exit_code", "status"),
    [
        ("", 0, "FINISHED"),
        ("raise RuntimeError('broken')", 1, "FAILED"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KILLED"),
        ("tracking.start_run(nested=True); tracking.start_run(nested=True)", 0, "FINISHED"),
        ("import threading; threading.Thread(target=tracking.start_run).start()", 0, "FINISHED"),
    ],
)
def test_open_runs_end_with_the_process(
    client: TrackingClient, experiment_id: str, scripts: Scripts, rest: str, exit_code: int, status: str
) -> None:
    done = scripts.run(_START + rest)
    assert done.returncode == exit_code
    found = list(client.find_runs([experiment_id]))
    assert found
    assert {run.info.status for run in found} == {status}
    assert all(run.info.end_time for run in found)


def test_the_traceback_of_an_uncaught_exception_is_still_shown(scripts: Scripts) -> None:
    done = scripts.run(_START + "raise RuntimeError('broken')")
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("RuntimeError: broken\n")


def test_sigterm_kills_the_run_and_the_process_dies_of_it(client: TrackingClient, scripts: Scripts) -> None:
    with scripts.start(
        _START + "tracking.start_run(nested=True); print('ready', flush=True)\n" + _WAIT
    ) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(timeout=20) == -signal.SIGTERM
    run = client.get_run(run_id)
    assert run.info.status == "KILLED"
    children = client.find_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run_id}'")
    assert [child.info.status for child in children] == ["KILLED"]


def test_a_handler_of_the_users_is_kept(client: TrackingClient, scripts: Scripts) -> None:
    own = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    with scripts.start(own + _START + _WAIT) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        process.terminate()
        assert process.wait(timeout=20) == 7
    assert client.get_run(run_id).info.status == "FINISHED"


def test_sigterm_is_handled_only_while_a_run_is_open(scripts: Scripts) -> None:
    """An idle worker of a pool that handles it may wait for a lock for ever, and the pool for the worker."""
    rest = """
def handled():
    print(signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, flush=True)
with tracking.start_run(nested=True):
    handled()
handled()
tracking.end_run()
handled()
tracking.start_run()
handled()
tracking.end_run()
handled()
"""
    done = scripts.run(_START + rest)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[1:] == ["True", "True", "False", "True", "False"]


def test_an_unreachable_server_does_not_keep_a_process_from_dying(
    server: LocalServer, proxy: Proxy, scripts: Scripts
) -> None:
    proxy.upstream = server.url
    with scripts.start(_START + _WAIT, MLFLOW_TRACKING_URI=proxy.url) as process:
        assert process.stdout is not None
        process.stdout.readline()
        proxy.plan = ["refuse"] * 1000
        process.terminate()
        assert process.wait(timeout=20) == -signal.SIGTERM


def test_a_forked_child_does_not_end_the_run_of_its_parent(client: TrackingClient, scripts: Scripts) -> None:
    rest = """
child = os.fork()
if child == 0:
    tracking.log_metric("from_child", 1)
    sys.exit(0)
os.waitpid(child, 0)
child = os.fork()
if child == 0:
    time.sleep(60)
os.kill(child, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(tracking.get_run(run.info.run_id).info.status, flush=True)
"""
    done = scripts.run(_START + rest)
    run_id, child_exit, status = done.stdout.split()
    assert (int(child_exit), status) == (-signal.SIGTERM, "RUNNING")
    run = client.get_run(run_id)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"from_child": 1.0})


def test_a_program_killed_hard_leaves_its_run_to_others(client: TrackingClient, scripts: Scripts) -> None:
    """Nothing in the process can help here: closing such a run is its launcher's or the server's part."""
    with scripts.start(_START + _WAIT) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        process.kill()
        process.wait(timeout=20)
    wait_until(lambda: client.get_run(run_id).info.status == "RUNNING", "the run is as it was left", 5)


def test_a_failing_server_does_not_replace_the_users_exception(
    server: LocalServer, proxy: Proxy, scripts: Scripts
) -> None:
    proxy.upstream = server.url
    source = """
import sys
import tracking_client as tracking
with tracking.start_run() as run:
    print(run.info.run_id, flush=True)
    sys.stdin.close()
    raise RuntimeError("the user's own")
"""
    refused: tuple[int, dict[str, str], bytes] = (
        500,
        {},
        b'{"error_code": "INVALID_STATE", "message": "full"}',
    )
    proxy.plan = ["pass", "pass", refused]  # first contact, the run
    done = scripts.run(source, MLFLOW_TRACKING_URI=proxy.url)
    assert "RuntimeError: the user's own\n" in done.stderr
    assert "full" not in done.stderr
    run_id = done.stdout.split()[-1]
    assert TrackingClient(server.url).get_run(run_id).info.status == "FAILED"
