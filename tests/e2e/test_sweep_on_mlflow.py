"""A sweep that is tracked by MLflow's own server: its ids, no heartbeats, the same end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sweeps import LOCAL, declared, the_sweep
from tests.e2e.terminal import User, wait_until
from tracking_client.wire.entities import Run

SWEEP = """
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [1.0, 1.5, 2.0, 9.0]}
parallel: 2
baseline: {parameters: {x: "3.0"}}
early_terminate: {type: target, target: -100}
seed: 3
"""
# The last one would take ten minutes: a rule ends it when it has nothing more to gain.
TRAIN = """
import sys, time
import mlflow
x = float(sys.argv[1])
with mlflow.start_run():
    for step in range(1, 4):
        mlflow.log_metric("loss", (x - 1) ** 2 + 3 - step, step=step)
    if x == 9:
        mlflow.log_metric("loss", -200.0, step=9)
        time.sleep(600)
"""


@pytest.fixture
def mlflow_server(user: User, tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path}/m.db"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=user.variables(), stdout=log, stderr=log, start_new_session=True
        )

    def answers() -> bool:
        assert server.poll() is None, (tmp_path / "server.log").read_text()
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, timeout_s=120)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_a_sweep_on_mlflows_server_is_killed_resumed_stopped_early_and_whole(
    user: User, mlflow_server: str
) -> None:
    user.environ["MLFLOW_TRACKING_URI"] = mlflow_server
    user.project(declared(SWEEP, train=TRAIN))
    runner = user.start("run", "-e", "find", "project", *LOCAL)

    def finished() -> list[Run]:
        return user.runs("attributes.status = 'FINISHED'")

    wait_until(lambda: len(finished()) >= 2, timeout_s=120)
    runner.kill()
    runner.communicate()

    resumed = user.types("run", "-e", "find", "project", *LOCAL, timeout_s=240)

    assert resumed.code == 0, resumed.err
    kept = the_sweep()
    assert sorted(kept.ledger.over) == [0, 1, 2, 3]
    children = user.runs(f"tags.`mlflow.parentRunId` = '{kept.folder.run_id}'")
    by_x = {float(run.data.params["x"]): run for run in children}
    assert len(children) == len(by_x) == 5
    assert {x: run.info.status for x, run in by_x.items()} == {
        **dict.fromkeys((1.0, 1.5, 2.0, 3.0), "FINISHED"),
        9.0: "KILLED",
    }
    assert by_x[9.0].data.tags["runner.sweep.stopped_by"] == "target"
    assert by_x[3.0].data.tags["runner.baseline"] == "true"
    parent = user.client.get_run(kept.folder.run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["best_run"] == by_x[9.0].info.run_id
    assert parent.data.metrics["trials_finished"] == 4
    assert parent.data.metrics["trials_stopped_early"] == 1
