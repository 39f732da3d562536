"""Journals and the ways of a process: threads, forks, workers, signals, and an end without threads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tracking_client.scripts import Scripts
from tracking_client.client import TrackingClient
from tracking_client.journal.spool import all_in
from tracking_client.journal_folder import journal_folder

LOGS = """
import multiprocessing, os, signal, sys, threading, time
import tracking_client as tracking

def log(key, count=100):
    for step in range(count):
        tracking.log_metric(key, step, step=step)
"""


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


def _succeeds(scripts: Scripts, source: str, run_id: str, **environ: str | None) -> str:
    """Runs a program that logs to the run; what it said."""
    # Python 3.12 and later warn of every fork where there are threads.
    warns_of_forks = "ignore:This process (pid:DeprecationWarning"
    done = scripts.run(LOGS + source, MLFLOW_RUN_ID=run_id, PYTHONWARNINGS=warns_of_forks, **environ)
    assert done.returncode == 0, done.stderr
    return done.stderr


def _steps(client: TrackingClient, run_id: str, key: str) -> list[int]:
    return [metric.step for metric in client.get_metric_history(run_id, key)]


def _nothing_is_left() -> bool:
    return all_in(journal_folder()) == []


def test_forked_children_that_end_at_once_lose_nothing_and_leave_nothing(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    """os._exit calls nothing; the parent sends what its children left."""
    source = """
with tracking.start_run():
    log("parent")
    for child in range(3):
        if os.fork() == 0:
            log(f"child{child}")
            os._exit(0)
    for child in range(3):
        os.wait()
    log("parent afterwards")
"""
    assert _succeeds(scripts, source, run_id) == ""
    assert _steps(client, run_id, "parent") == list(range(100))
    assert _steps(client, run_id, "parent afterwards") == list(range(100))
    for child in range(3):
        assert _steps(client, run_id, f"child{child}") == list(range(100))
    assert _nothing_is_left()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_send_what_they_logged_before_they_end(
    method: str, client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    source = """
if __name__ == "__main__":
    context = multiprocessing.get_context(os.environ["METHOD"])
    run_id = os.environ["MLFLOW_RUN_ID"]
    with tracking.start_run():
        os.environ["MLFLOW_RUN_ID"] = run_id
        workers = [context.Process(target=log, args=(f"worker{number}",)) for number in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        client = tracking.MlflowClient()
        for number in range(2):
            assert len(client.get_metric_history(run_id, f"worker{number}")) == 100, number
        log("parent")
"""
    said = _succeeds(scripts, source, run_id, METHOD=method)
    assert "sent" not in said, said
    assert _steps(client, run_id, "parent") == list(range(100))
    assert _nothing_is_left()


def test_threads_share_a_journal_and_each_ones_values_keep_their_order(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    source = """
with tracking.start_run():
    threads = [threading.Thread(target=log, args=(f"thread{number}", 500)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
    assert _succeeds(scripts, source, run_id) == ""
    for number in range(4):
        assert _steps(client, run_id, f"thread{number}") == list(range(500))
    assert _nothing_is_left()


def test_a_child_that_is_forked_while_other_threads_log_can_log_itself(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    source = """
stop = threading.Event()
def log_on(number):
    step = 0
    while not stop.is_set():
        tracking.log_metric(f"thread{number}", step, step=step)
        tracking.log_params({f"p{number}-{step}": step})
        step += 1

with tracking.start_run():
    threads = [threading.Thread(target=log_on, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for child in range(20):
        if os.fork() == 0:
            signal.alarm(20)
            tracking.log_metric("child", child, step=child)
            tracking.log_params({f"child{child}": child})
            os._exit(0)
    codes = [os.wait()[1] for child in range(20)]
    stop.set()
    for thread in threads:
        thread.join()
    assert codes == [0] * 20, codes
"""
    _succeeds(scripts, source, run_id)
    assert sorted(_steps(client, run_id, "child")) == list(range(20))
    params = client.get_run(run_id).data.params
    assert {f"child{child}" for child in range(20)} <= set(params)
    assert _nothing_is_left()


def test_the_handler_of_a_signal_may_log_at_any_moment(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    source = """
calls = 0
def handle(number, frame):
    global calls
    tracking.log_metric("handler", calls, step=calls)
    tracking.log_params({f"handler{calls}": calls})
    calls += 1
    signal.setitimer(signal.ITIMER_REAL, 0.0005)

with tracking.start_run():
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    step = 0
    while calls < 2000:
        tracking.log_metric("main", step, step=step)
        tracking.log_params({f"main{step % 500}": step % 500})
        step += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(step)
    tracking.log_metric("calls", calls)
    tracking.log_metric("steps", step)
"""
    assert _succeeds(scripts, source, run_id) == ""
    run = client.get_run(run_id)
    assert _steps(client, run_id, "handler") == list(range(int(run.data.metrics["calls"])))
    assert _steps(client, run_id, "main") == list(range(int(run.data.metrics["steps"])))
    assert _nothing_is_left()


def test_the_handler_of_a_signal_may_end_the_run_while_the_main_thread_waits_for_a_flush(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    source = """
def handle(number, frame):
    tracking.end_run("KILLED")
    sys.exit(0)

tracking.start_run()
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.3)
while True:
    log("m", 20)
    tracking.flush_async_logging()
"""
    _succeeds(scripts, source, run_id)
    assert client.get_run(run_id).info.status == "KILLED"
    assert _nothing_is_left()


def test_what_is_logged_first_when_no_thread_starts_any_more_is_sent(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    """As at the end of the interpreter, from Python 3.12 on."""
    source = """
import atexit
client = tracking.MlflowClient()
run_id = os.environ["MLFLOW_RUN_ID"]

def say_goodbye():
    def fail(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")
    threading.Thread.start = fail
    client.log_metric(run_id, "last", 1.0, 1, 1)

atexit.register(say_goodbye)
"""
    assert _succeeds(scripts, source, run_id) == ""
    assert _steps(client, run_id, "last") == [1]
    assert _nothing_is_left()


def test_a_refused_value_does_not_keep_the_rest_from_being_sent_at_the_end(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    source = """
from tracking_client.journal import journals
from tracking_client.wire.entities import Metric, Param
journals._NEWS_AFTER_S = 0.0  # the end gives the first attempt no time
run_id = os.environ["MLFLOW_RUN_ID"]
client = tracking.MlflowClient()
client.log_batch(run_id, [Metric("m", step, step, step) for step in range(20_000)], [Param("p", "2")])
client.log_param(run_id, "p", "3")
client.log_batch(run_id, [Metric("n", step, step, step) for step in range(20_000)])
"""
    client.log_param(run_id, "p", "1")
    said = _succeeds(scripts, source, run_id)
    assert "refused a value" in said
    assert "runner sync" not in said
    for key in "mn":
        assert _steps(client, run_id, key) == list(range(20_000))
    assert _nothing_is_left()


def test_an_exception_of_the_user_is_not_replaced_by_a_refusal_which_is_said(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    client.log_param(run_id, "p", "1")
    source = """
with tracking.start_run():
    tracking.MlflowClient().log_param(os.environ["MLFLOW_RUN_ID"], "p", "2")
    raise ZeroDivisionError
"""
    source = source.replace('os.environ["MLFLOW_RUN_ID"]', "tracking.active_run().info.run_id")
    done = scripts.run(LOGS + source, MLFLOW_RUN_ID=run_id)
    assert "ZeroDivisionError" in done.stderr
    assert "could not be recorded as FAILED" in done.stderr or "refuse" in done.stderr
    assert client.get_run(run_id).info.status == "FAILED"


def test_a_refusal_is_raised_at_the_end_of_the_with_block(
    client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    source = """
with tracking.start_run() as run:
    other = tracking.MlflowClient()
    other.log_param(run.info.run_id, "p", "2")
"""
    client.log_param(run_id, "p", "1")
    done = scripts.run(LOGS + source, MLFLOW_RUN_ID=run_id)
    assert done.returncode == 1
    assert "InvalidArgument" in done.stderr
    assert client.get_run(run_id).info.status == "FINISHED"


def test_importing_and_exiting_makes_no_journal(scripts: Scripts, tmp_path: Path) -> None:
    folder = tmp_path / "journals"
    assert scripts.run(LOGS, RUNNER_JOURNAL_DIR=str(folder)).stderr == ""
    assert not os.path.lexists(folder)
