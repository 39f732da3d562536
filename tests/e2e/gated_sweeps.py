"""Sweeps whose trials wait at a gate, so that a test meets them where it wants to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.sweeps import LOCAL, declared, kept_sweeps
from tests.e2e.terminal import User, wait_until

TRAIN = """
import os, sys, time
import tracking_client as mlflow
x = float(sys.argv[1])
with mlflow.start_run():
    mlflow.log_metric("loss", (x - 1) ** 2, step=0)
    deadline = time.monotonic() + 300
    while not os.path.exists(os.environ["GATE"]) and time.monotonic() < deadline:
        time.sleep(0.02)
"""

SWEEP = """
method: random
metric: loss
parameters: {x: {min: -5, max: 5}}
max_trials: 6
parallel: 2
seed: 7
"""


@dataclass
class Gate:
    """While it is closed, the trials of the sweeps in `project` wait, each with its metric logged."""

    user: User
    path: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts the sweep `find`, and returns when two trials wait."""
        return self._begun(
            self.user.start("run", "-e", "find", "project", *LOCAL, *arguments, GATE=str(self.path))
        )

    def start_python(self, script: str) -> subprocess.Popen[str]:
        """The same of a script of the user's that calls `runner.sweep`."""
        return self._begun(
            subprocess.Popen(
                [sys.executable, script],
                cwd=self.user.directory,
                env=self.user.variables(GATE=str(self.path)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )

    def _begun(self, begun: subprocess.Popen[str]) -> subprocess.Popen[str]:
        self.started.append(begun)
        wait_until(lambda: self.waiting() == 2 or begun.poll() is not None, 120)
        assert begun.poll() is None, begun.communicate()
        return begun

    def waiting(self) -> int:
        """How many trials of the latest sweep have logged and not ended."""
        kept = kept_sweeps()
        if not kept:
            return 0
        return len(
            self.user.runs(
                f"tags.`mlflow.parentRunId` = '{kept[0].folder.run_id}' "
                "and attributes.status = 'RUNNING' and metrics.loss >= 0"
            )
        )

    def open(self) -> None:
        """Lets them go on, and all that come later."""
        self.path.touch()


@contextmanager
def closed_gate(user: User, sweep: str = SWEEP) -> Iterator[Gate]:
    """A project with the sweep `find`, and its gate, closed. Opened at the end, so that nothing is left."""
    user.project(declared(sweep, train=TRAIN))
    gate = Gate(user, user.directory / "gate")
    try:
        yield gate
    finally:
        gate.open()
        for process in gate.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)
