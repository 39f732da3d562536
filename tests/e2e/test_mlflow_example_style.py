"""Sweeps written the way MLflow's own hyperparam example is: with MLflow's client, and with ours in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.terminal import User
from tracking_client.wire.entities import Run

MANIFEST = """
name: HyperparameterSearch
entry_points:
  train:
    parameters:
      epochs: {type: int, default: 32}
      learning_rate: {type: float, default: 1e-1}
      momentum: {type: float, default: .0}
    command: "python train.py
                      --epochs {epochs}
                      --learning-rate {learning_rate}
                      --momentum {momentum}"
  sequential:
    parameters:
      training_experiment_id: {type: string, default: ""}
    command: "python search.py sequential --training-experiment-id {training_experiment_id}"
  threads:
    parameters:
      training_experiment_id: {type: string, default: ""}
    command: "python search.py threads --training-experiment-id {training_experiment_id}"
"""

TRAIN = """
import argparse
import CLIENT as mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--momentum", type=float)
options = parser.parse_args()
with mlflow.start_run():
    x = 5.0
    for epoch in range(options.epochs):
        x -= options.learning_rate * 2 * x
        mlflow.log_metric("val_rmse", abs(x), step=epoch)
    mlflow.log_metric("test_rmse", abs(x))
    if options.momentum >= 1:
        raise SystemExit("momentum must be below 1")
"""

SEARCH = """
import argparse
from concurrent.futures import ThreadPoolExecutor

import runner
import CLIENT as mlflow
CLIENT_IMPORT

parser = argparse.ArgumentParser()
parser.add_argument("how")
parser.add_argument("--training-experiment-id")
options = parser.parse_args()
tracking_client = MlflowClient()


def new_eval(epochs, experiment_id):
    def evaluate(params):
        learning_rate, momentum = params
        with mlflow.start_run(nested=True) as child_run:
            p = runner.run(
                uri=".",
                entry_point="train",
                run_id=child_run.info.run_id,
                parameters={
                    "epochs": str(epochs),
                    "learning_rate": str(learning_rate),
                    "momentum": str(momentum),
                },
                experiment_id=experiment_id,
                synchronous=False,
            )
            succeeded = p.wait()
        if not succeeded:
            tracking_client.set_terminated(p.run_id, "FAILED")
            return float("inf")
        return tracking_client.get_run(p.run_id).data.metrics["val_rmse"]

    return evaluate


with mlflow.start_run() as run:
    experiment_id = options.training_experiment_id or run.info.experiment_id
    points = [(0.01, 0.0), (0.1, 0.5), (0.5, 0.9), (0.2, 1.5)]
    evaluate = new_eval(2, experiment_id)
    if options.how == "threads":
        with ThreadPoolExecutor(max_workers=2) as executor:
            losses = list(executor.map(evaluate, points))
    else:
        losses = [evaluate(point) for point in points]
    assert losses[3] == float("inf") and min(losses) == losses[2], losses

    children = tracking_client.search_runs(
        [experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    )
    finished = [child for child in children if child.info.status == "FINISHED"]
    best = min(finished, key=lambda child: child.data.metrics["val_rmse"])
    mlflow.set_tag("best_run", best.info.run_id)
    mlflow.log_metrics({"val_rmse": best.data.metrics["val_rmse"], "children": len(children)})
"""

CLIENTS = {
    "mlflow": "from mlflow.tracking import MlflowClient",
    "tracking_client": "from tracking_client import MlflowClient",
}


def sweep(user: User, client: str, how: str) -> tuple[Run, dict[str, Run]]:
    """The parent, and its children by their learning rate."""
    search = SEARCH.replace("CLIENT_IMPORT", CLIENTS[client]).replace("CLIENT", client)
    folder = user.project(
        {"MLproject": MANIFEST, "train.py": TRAIN.replace("CLIENT", client), "search.py": search}
    )
    done = user.types("run", str(folder), "-e", how, "--env-manager", "local", timeout_s=240)
    assert done.code == 0, done.err
    runs = user.runs()
    (parent,) = [run for run in runs if run.data.tags["mlflow.project.entryPoint"] == how]
    children = {run.data.params["learning_rate"]: run for run in runs if run is not parent}
    assert len(runs) == 1 + len(children)
    return parent, children


@pytest.mark.parametrize("how", ["sequential", "threads"])
@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_a_sweep_written_for_mlflow_works_unchanged(
    user: User, client: str, how: str, tmp_path: Path
) -> None:
    parent, children = sweep(user, client, how)

    assert parent.info.status == "FINISHED"
    assert {rate: run.info.status for rate, run in children.items()} == {
        "0.01": "FINISHED",
        "0.1": "FINISHED",
        "0.5": "FINISHED",
        "0.2": "FAILED",
    }
    assert parent.data.tags["best_run"] == children["0.5"].info.run_id
    assert parent.data.metrics == {"val_rmse": 0.0, "children": 4.0}
    for rate, run in children.items():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["mlflow.project.entryPoint"] == "train"
        assert run.data.params["learning_rate"] == rate
        assert run.data.params["epochs"] == "2"
        assert len(user.client.get_metric_history(run.info.run_id, "val_rmse")) == 2
    log = user.artifact(children["0.2"], "runner/output.log", tmp_path)
    assert "momentum must be below 1" in log
