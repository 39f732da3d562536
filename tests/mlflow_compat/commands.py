"""The commands of MLflow's own command line against our server, in this process: starting one costs seconds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from click.testing import CliRunner
from mlflow.cli import cli


def _said(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.output)


def commands_about_runs(client: Any) -> None:
    experiment = client.create_experiment("by command")
    run_id = client.create_run(experiment, run_name="listed").info.run_id
    client.log_metric(run_id, "loss", 0.5)
    assert run_id in _said("runs", "list", "--experiment-id", experiment)
    assert json.loads(_said("runs", "describe", "--run-id", run_id))["info"]["run_id"] == run_id
    _said("runs", "delete", "--run-id", run_id)
    _said("runs", "restore", "--run-id", run_id)
    made = _said("runs", "create", "--experiment-id", experiment, "--run-name", "made")
    assert "made" in made or len(made) > 10


def commands_about_experiments(client: Any) -> None:
    _said("experiments", "create", "-n", "made by command")
    experiment = client.get_experiment_by_name("made by command").experiment_id
    assert "made by command" in _said("experiments", "search")
    _said("experiments", "rename", "--experiment-id", experiment, "--new-name", "renamed by command")
    assert "renamed by command" in _said("experiments", "get", "--experiment-id", experiment)
    _said("experiments", "delete", "--experiment-id", experiment)
    _said("experiments", "restore", "--experiment-id", experiment)
    client.log_param(client.create_run(experiment).info.run_id, "p", "in the table")
    assert "in the table" in _said("experiments", "csv", "--experiment-id", experiment)


def commands_about_artifacts(client: Any) -> None:
    """The R and Java clients move artifacts by these."""
    folder = Path(tempfile.mkdtemp())
    (folder / "a.txt").write_text("a")
    run_id = client.create_run("0").info.run_id
    _said("artifacts", "log-artifact", "--local-file", str(folder / "a.txt"), "--run-id", run_id)
    _said(
        "artifacts",
        "log-artifacts",
        "--local-dir",
        str(folder),
        "--run-id",
        run_id,
        "--artifact-path",
        "deep",
    )
    listed = json.loads(_said("artifacts", "list", "--run-id", run_id))
    assert [entry["path"] for entry in listed] == ["a.txt", "deep"]
    where = (
        _said("artifacts", "download", "--run-id", run_id, "--artifact-path", "deep").strip().splitlines()[-1]
    )
    assert (Path(where) / "a.txt").read_text() == "a"
    assert mlflow.get_tracking_uri()


TESTS = (commands_about_runs, commands_about_experiments, commands_about_artifacts)
