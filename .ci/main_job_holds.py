"""What must be true of the store in the current directory after the README's main job."""

from __future__ import annotations

import tracking_client as mlflow
from tracking_client import TrackingClient

TRIALS = 12


def main() -> None:
    """Asserts it."""
    client = TrackingClient()
    runs = list(client.find_runs([experiment.experiment_id for experiment in mlflow.search_experiments()]))
    tags = {run.info.run_id: run.data.tags for run in runs}
    parents = [run for run in runs if "mlflow.parentRunId" not in tags[run.info.run_id]]

    assert len(runs) == TRIALS + 2, f"{len(runs)} runs"
    assert {run.info.status for run in runs} == {"FINISHED"}, [run.info.status for run in runs]
    assert len(parents) == 1, "one parent"
    parent = parents[0].info.run_id
    assert all(tags[run.info.run_id]["mlflow.parentRunId"] == parent for run in runs if run not in parents)
    for run in runs:
        about = tags[run.info.run_id]
        assert len(about["mlflow.source.git.commit"]) == 40
        assert about["mlflow.project.entryPoint"] in {"train", "hyperopt"}
        names = {file.path for file in client.list_artifacts(run.info.run_id, "runner")}
        assert {"runner/environment.lock", "runner/output.log", "runner/run.json"} <= names, names
    print(f"the main job holds: {len(runs)} runs, all FINISHED, nested under {parent}")


if __name__ == "__main__":
    main()
