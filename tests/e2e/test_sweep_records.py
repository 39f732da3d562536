"""What is stored of a sweep, and what its trials share with it."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.sweeps import LOCAL, declared, the_sweep, trials_of
from tests.e2e.terminal import User

SWEEP = """
method: random
metric: {name: loss, goal: minimize}
parameters:
  x: {min: 0, max: 1}
max_trials: 2
seed: 3
"""


def test_trials_have_their_own_order_and_the_environment_of_their_parent(user: User, tmp_path: Path) -> None:
    user.project(declared(SWEEP))
    assert user.types("run", "-e", "find", "project", *LOCAL).code == 0
    kept = the_sweep()
    run_id = kept.folder.run_id

    assert user.types("sweep", "extend", run_id, "--max-trials", "3").code == 0

    (parent,) = user.runs("tags.`runner.sweep` = 'find'")
    assert "mlflow.parentRunId" not in parent.data.tags
    lock = parent.data.tags["runner.environment.lock"]
    assert lock == f"runs:/{run_id}/runner/environment.lock"
    assert "# python" in user.artifact(parent, "runner/environment.lock", tmp_path / "parent")
    trials = [run for attempts in trials_of(user, kept).values() for run in attempts]
    assert len(trials) == 3
    for run in trials:
        assert run.data.tags["runner.environment.lock"] == lock
        assert run.data.tags["runner.environment"] == parent.data.tags["runner.environment"]
        names = {file.path for file in user.client.list_artifacts(run.info.run_id, "runner")}
        assert names == {"runner/run.json", "runner/output.log"}
        order = user.artifact(run, "runner/run.json", tmp_path / run.info.run_id)
        assert run.data.params["x"] in order
