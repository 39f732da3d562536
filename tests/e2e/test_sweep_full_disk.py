"""The disk of a sweep's state is full in the middle: that is said, and with space the sweep goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.sweeping.again import read_sweep
from runner.sweeping.folder import sweep_folders
from tests.e2e.sweeps import LOCAL, declared
from tests.e2e.terminal import User, wait_until
from tests.small_disks import MakeDisk, fill, small_disks

SWEEP = """
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [1.0, 2.0, 3.0]}
parallel: 1
"""
WAITS = """
import pathlib, sys, time
import tracking_client as mlflow
with mlflow.start_run():
    # Much to note: what it takes is more than what the end of a trial frees.
    mlflow.log_metrics({"loss": float(sys.argv[1]), **{f"{'m' * 100}{n}": n for n in range(900)}})
    until = time.time() + 60
    while not pathlib.Path.home().joinpath("go").exists() and time.time() < until:
        time.sleep(0.02)
"""


@pytest.fixture
def disk(tmp_path: Path, user: User) -> Iterator[MakeDisk]:
    with small_disks(tmp_path) as make:
        yield make
        user.stop_server()


def test_a_full_disk_under_a_sweeps_journal_is_said_and_no_trial_is_lost(user: User, disk: MakeDisk) -> None:
    state = disk(4 << 10)
    user.environ["RUNNER_STATE_DIR"] = str(state / "runner")
    user.project(declared(SWEEP, train=WAITS))
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    wait_until(lambda: [run for run in user.runs() if run.data.metrics.get("loss")])
    filler = fill(state)
    Path(os.environ["HOME"], "go").touch()

    _, err = runner.communicate(timeout=120)

    assert runner.returncode == 3, err
    assert "journal.jsonl cannot be written: No space left on device" in err
    assert "Traceback" not in err
    filler.unlink()
    (folder,) = sweep_folders(state / "runner")
    resumed = user.types("sweep", "resume", folder.run_id)
    assert resumed.code == 0, resumed.err
    kept = read_sweep(folder)
    assert sorted(kept.ledger.over) == [0, 1, 2]
    assert kept.state == "finished"
    finished = user.runs("attributes.status = 'FINISHED' and tags.`runner.sweep.trial` != ''")
    assert {run.data.params["x"] for run in finished} == {"1.0", "2.0", "3.0"}
