"""kill -9 of everything that takes part in a sweep, at random moments: it ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from tests.e2e.sweeps import LOCAL, declared, kept_sweeps, programs, the_sweep, trials_of, worker_process
from tests.e2e.terminal import User, wait_until
from tests.processes import wait_for_end

TRIALS = 14
KILLS_A_SWEEP = 10
SWEEP = f"""
method: tpe
engine_options: {{n_startup_trials: 4}}
metric: {{name: loss, goal: minimize}}
parameters:
  x: {{min: -5.0, max: 5.0}}
  seconds: 0.3
max_trials: {TRIALS}
parallel: 2
seed: 7
deterministic: true
window: 3
retries: {{max: 50, on: [lost, crashed]}}
"""


def undisturbed(user: User) -> list[float]:
    """The suggestions of the same sweep when nobody is killed."""
    done = user.types("run", "-e", "find", "project", *LOCAL, "--new-sweep", "-P", "seconds=0")
    assert done.code == 0, done.err
    kept = the_sweep()
    return [kept.ledger.points[n].params["x"] for n in range(TRIALS)]  # type: ignore[misc]


def victims(user: User, runner: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    """What can be killed now, by what it is."""
    found: dict[str, psutil.Process] = {}
    with suppress(psutil.NoSuchProcess):
        found["orchestrator"] = psutil.Process(runner.pid)
    kept = kept_sweeps()
    worker = worker_process(kept[0]) if kept else None
    if worker is not None:
        found["worker"] = worker
    running = list(programs())
    if running:
        found["trial"] = random.choice(running)
    for template in programs("importlib_bootstrap/template.py"):
        found["template"] = template
    server = user.server_pid()
    if server is not None:
        with suppress(psutil.NoSuchProcess):
            found["server"] = psutil.Process(server)
    return found


@pytest.mark.parametrize("turn", range(10))
def test_whatever_is_killed_and_whenever_the_sweep_ends_complete_and_equal_to_an_undisturbed_one(
    user: User, turn: int
) -> None:
    dice = random.Random(turn)
    user.project(declared(SWEEP))
    kills: list[str] = []
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    try:
        while len(kills) < KILLS_A_SWEEP:
            until = time.monotonic() + dice.uniform(0.05, 1.2)
            while time.monotonic() < until and runner.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    runner.wait(max(0.0, until - time.monotonic()))
            if runner.poll() == 0:
                break
            if runner.poll() is None:
                found = victims(user, runner)
                name = dice.choice(sorted(found))
                with suppress(psutil.NoSuchProcess):
                    found[name].send_signal(signal.SIGKILL)
                kills.append(name)
                if name == "orchestrator":
                    runner.communicate()
            if runner.poll() is not None and runner.returncode != 0:
                # The same command again goes on with it.
                runner.communicate()
                runner = user.start("run", "-e", "find", "project", *LOCAL)
        out, err = runner.communicate(timeout=120)
    finally:
        if runner.poll() is None:
            runner.kill()
            runner.communicate()
    assert runner.returncode == 0, (kills, out, err)
    check_complete(user)
    kept = the_sweep()
    found_params = [kept.ledger.points[n].params["x"] for n in range(TRIALS)]
    (kept.folder.path).rename(kept.folder.path.parent.parent / f"kept-{turn}")
    assert found_params == undisturbed(user), kills


def check_complete(user: User) -> None:
    """Exactly the budget, each trial once, nothing running, nothing lost."""
    kept = the_sweep()
    assert kept.state == "finished"
    assert sorted(kept.ledger.over) == list(range(TRIALS))
    assert all(trial.result is not None and trial.result.values for trial in kept.ledger.trials.values())
    wait_until(lambda: not [run for run in user.runs() if run.info.status == "RUNNING"])
    runs = trials_of(user, kept)
    assert sorted(runs) == list(range(TRIALS))
    for number, attempts in runs.items():
        finished = [run for run in attempts if run.info.status == "FINISHED"]
        assert len(finished) == 1, (number, [run.info.status for run in attempts])
        assert finished[0].info.run_id == kept.ledger.trials[number].run_ids[-1]
        history = user.client.get_metric_history(finished[0].info.run_id, "loss")
        assert [point.step for point in history] == [0, 1, 2]
    parent = user.client.get_run(kept.folder.run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["trials_finished"] == TRIALS
    worker = worker_process(kept)
    if worker is not None:
        wait_for_end(worker, 30)
    wait_until(lambda: not list(programs()))
    assert not list((kept.folder.worker / "reports").glob("*")), os.listdir(kept.folder.worker)
