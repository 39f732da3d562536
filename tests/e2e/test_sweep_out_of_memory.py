"""A trial that the kernel kills because the control group of its sweep has no memory left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sweeps import LOCAL, declared, the_sweep, trials_of
from tests.e2e.terminal import User, wait_until

LIMIT_BYTES = 700 * 1024**2
GROUPS = Path("/sys/fs/cgroup")

# With x == 2 it takes what there is, at its first attempt only.
GREEDY = """
import os, pathlib, sys
import tracking_client as mlflow
x = float(sys.argv[1])
taken, marker = [], pathlib.Path.home() / "was greedy"
with mlflow.start_run():
    if x == 2 and not marker.exists():
        marker.touch()
        while True:
            taken.append(b"x" * (16 * 1024**2))
    mlflow.log_metric("loss", x)
"""
SWEEP = """
method: grid
metric: {name: loss, goal: minimize}
parallel: 2
retries: {max: 1, on: [out_of_memory]}
parameters:
  x: {values: [1, 2, 3]}
"""


class ControlGroup:
    """A group of processes with a limit to their memory, of either version of control groups."""

    def __init__(self) -> None:
        self._is_new = "memory" in _text(GROUPS / "cgroup.subtree_control").split()
        self.folder = (GROUPS if self._is_new else GROUPS / "memory") / f"runner-test-{os.getpid()}"
        self.folder.mkdir()
        limit = self.folder / ("memory.max" if self._is_new else "memory.limit_in_bytes")
        limit.write_text(str(LIMIT_BYTES))

    def command(self, *command: str) -> list[str]:
        """A command that runs in the group."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs"), *command]

    def remove(self) -> None:
        wait_until(lambda: not _text(self.folder / "cgroup.procs").split())
        self.folder.rmdir()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


@pytest.fixture
def group(user: User) -> Iterator[ControlGroup]:
    try:
        made = ControlGroup()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    yield made
    user.stop_server()  # which the sweep has started within the group
    made.remove()


@pytest.mark.engine
def test_a_trial_that_the_kernel_kills_for_its_memory_is_told_apart_and_tried_again(
    user: User, group: ControlGroup
) -> None:
    user.project(declared(SWEEP, train=GREEDY))
    done = subprocess.run(
        group.command(sys.executable, "-m", "runner", "run", "-e", "find", "project", *LOCAL),
        cwd=user.directory,
        env=user.variables(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )

    assert done.returncode == 0, done.stderr
    trials = trials_of(user, the_sweep())
    assert [[run.info.status for run in attempts] for attempts in trials.values()] == [
        ["FINISHED"],
        ["FAILED", "FINISHED"],
        ["FINISHED"],
    ]
    assert trials[1][0].data.tags["runner.sweep.cause"] == "out_of_memory"
    assert "memory" in done.stdout + done.stderr
