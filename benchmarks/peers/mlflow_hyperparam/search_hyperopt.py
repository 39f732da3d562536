"""A sequential hyperopt sweep, tracked and launched with MLflow the way MLflow's own example does it.

A null run, then `fmin`: each evaluation opens a nested run and launches the `train` entry point as it. What a
trial scored is capped at the null run's score and logged to the parent as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import mlflow
import numpy as np
from hyperopt import fmin, hp, tpe
from mlflow.projects import run
from mlflow.tracking import MlflowClient

Scores = tuple[float, float, float]
launch: Any = run  # not annotated throughout
NAMES = ("train_rmse", "val_rmse", "test_rmse")


def evaluation(
    options: argparse.Namespace, epochs: int, experiment_id: str, worst: Scores
) -> Callable[..., Scores]:
    """What runs one trial and returns its scores."""

    def evaluate(learning_rate: float, momentum: float) -> Scores:
        with mlflow.start_run(nested=True) as child:
            submitted = launch(
                uri=".",
                entry_point="train",
                run_id=child.info.run_id,
                parameters={
                    "training_data": options.training_data,
                    "epochs": str(epochs),
                    "learning_rate": str(learning_rate),
                    "momentum": str(momentum),
                    "seed": str(options.seed),
                },
                experiment_id=experiment_id,
                env_manager="local",
                synchronous=False,
            )
            succeeded = submitted.wait()
            mlflow.log_params({"lr": learning_rate, "momentum": momentum})
        if succeeded:
            metrics = MlflowClient().get_run(submitted.run_id).data.metrics
            scores = tuple(min(limit, metrics[name]) for limit, name in zip(worst, NAMES, strict=True))
        else:
            MlflowClient().set_terminated(submitted.run_id, "FAILED")
            scores = worst
        mlflow.log_metrics(dict(zip(NAMES, scores, strict=True)))
        return scores[0], scores[1], scores[2]

    return evaluate


def main() -> None:
    """Searches as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("training_data")
    parser.add_argument("--max-runs", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    with mlflow.start_run() as parent:
        experiment_id = parent.info.experiment_id
        null = evaluation(options, 0, experiment_id, (np.inf, np.inf, np.inf))(0.0, 0.0)
        evaluate = evaluation(options, options.epochs, experiment_id, null)
        best = fmin(
            fn=lambda params: evaluate(*params)[1],
            space=[hp.uniform("lr", 1e-5, 1e-1), hp.uniform("momentum", 0.0, 1.0)],
            algo=tpe.suggest,
            max_evals=options.max_runs,
        )
        mlflow.set_tag("best params", str(best))
        children = MlflowClient().search_runs(
            [experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
        )
        # MLflow's example takes failed trials along here, and ends with a KeyError if there are any.
        finished = [child for child in children if child.info.status == "FINISHED"]
        winner = min(finished, key=_val_rmse)
        mlflow.set_tag("best_run", winner.info.run_id)
        mlflow.log_metrics({name: winner.data.metrics[name] for name in NAMES})


def _val_rmse(run: mlflow.entities.Run) -> float:
    return float(run.data.metrics["val_rmse"])


if __name__ == "__main__":
    main()
