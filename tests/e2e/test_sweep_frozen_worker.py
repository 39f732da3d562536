"""A worker that stands still is not waited for for ever: it is named, and once it is gone the sweep goes on."""

from __future__ import annotations

import signal

from tests.e2e.sweeps import LOCAL, declared, programs, the_sweep, trials_of, worker_process
from tests.e2e.terminal import User, wait_until

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
    worker.wait(30)
    resumed = user.types("sweep", "resume", kept.folder.run_id)
    assert resumed.code == 0, resumed.err
    over = the_sweep().ledger
    assert sorted(over.over) == [0, 1, 2]
    assert all(over.trials[number].result.values is not None for number in over.over)  # type: ignore[union-attr]
    assert list(trials_of(user, kept)) == [0, 1, 2]
    assert not [run for run in user.runs() if run.info.status == "RUNNING"]
