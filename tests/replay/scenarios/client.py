"""What MLflow's own client says when a script uses it: the sessions of `tests/mlflow_compat`, as far as they say
the same each time."""

from __future__ import annotations


def with_client(url: str) -> None:
    import os

    import mlflow

    from tests.mlflow_compat import artifacts, models, runs

    mlflow.set_tracking_uri(url)
    os.environ["MLFLOW_TRACKING_URI"] = url
    mlflow.set_experiment("the experiment")
    for session in (
        runs.logging_and_reading_back,
        runs.nesting_by_id_and_resuming,
        runs.the_clients_own_calls,
        runs.experiments,
        runs.searches,
        artifacts.files,
        artifacts.datasets,
        models.logged_models_by_hand,
        models.the_registry,
    ):
        session(mlflow.MlflowClient())
