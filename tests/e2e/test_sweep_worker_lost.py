"""A worker that stands still or dies: the sweep names it, goes on without it, and no run of it stays open."""

from __future__ import annotations

import signal

import psutil

from tests.e2e.sweeps import LOCAL, declared, programs, the_sweep, trials_of, worker_process
from tests.e2e.terminal import User, wait_until
from tests.processes import wait_for_end
from tracking_client.wire import names

SWEEP = """
method: random
metric: {name: loss, goal: minimize}
parameters:
  x: {min: -5.0, max: 5.0}
  seconds: {value: 1.5}
max_trials: 3
parallel: 1
seed: 7
"""


def test_a_worker_that_stands_still_is_named_and_once_it_is_killed_the_sweep_is_resumed(user: User) -> None:
    user.project(declared(SWEEP))
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    wait_until(lambda: list(programs()))
    kept = the_sweep()
    worker = worker_process(kept)
    assert worker is not None
    worker.suspend()
    runner.kill()
    runner.communicate()

    refused = user.types("sweep", "resume", kept.folder.run_id)

    assert refused.code not in (0, -signal.SIGKILL)
    assert f"pid {worker.pid}" in refused.err
    assert "Traceback" not in refused.err

    worker.kill()
    wait_for_end(worker, 30)
    resumed = user.types("sweep", "resume", kept.folder.run_id)
    assert resumed.code == 0, resumed.err
    ledger = the_sweep().ledger
    assert sorted(ledger.over) == [0, 1, 2]
    assert ledger.failed == 0
    assert list(trials_of(user, kept)) == [0, 1, 2]
    assert not [run for run in user.runs() if run.info.status == "RUNNING"]


UNTIL_TOLD = """
import os, pathlib, time
import tracking_client as mlflow
mlflow.log_metric("loss", 1.0)
mlflow.flush_async_logging()
place = pathlib.Path(os.environ["TOLD"])
(place / "logged").touch()
until = time.monotonic() + 60
while not (place / "end").exists():
    assert time.monotonic() < until
    time.sleep(0.02)
os._exit(0)
"""


def test_a_run_whose_end_a_killed_worker_could_not_tell_is_closed_as_it_ended(user: User) -> None:
    user.project(declared(SWEEP.replace("max_trials: 3", "max_trials: 1"), train=UNTIL_TOLD))
    place = user.directory / "told"
    place.mkdir()
    runner = user.start("run", "-e", "find", "project", *LOCAL, TOLD=str(place))
    wait_until((place / "logged").exists)
    kept = the_sweep()
    worker = worker_process(kept)
    assert worker is not None
    pid = user.server_pid()
    assert pid is not None
    server = psutil.Process(pid)
    server.suspend()
    try:
        (place / "end").touch()
        wait_until(lambda: list(kept.folder.worker.glob("reports/*.json")))
        worker.kill()
        wait_for_end(worker, 30)
    finally:
        server.resume()
    out, err = runner.communicate(timeout=120)

    assert runner.returncode == 0, (out, err)
    (run,) = trials_of(user, kept)[0]
    assert run.info.status == "FINISHED"
    assert run.data.tags[names.EXIT_CODE] == "0"
    result = the_sweep().ledger.trials[0].result
    assert result is not None
    assert result.values == (1.0,)
