"""A sweep without a server, sent to one later, leaves there what the same sweep leaves online."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.terminal import User
from tests.tracking_client.mlflow_server import COMMAND, running_mlflow_server
from tests.tracking_client.servers import stop_server
from tracking_client import offline
from tracking_client.client import TrackingClient
from tracking_client.journal_folder import journal_folder
from tracking_client.tracking_uri import LocalStore
from tracking_client.wire import names

SWEEP = {
    "MLproject": """
name: offline
entry_points:
  train:
    parameters: {x: float}
    command: python train.py {x}
  sweep:
    command: python sweep.py
""",
    "train.py": """
import sys
import tracking_client as tracking
x = float(sys.argv[1])
for step in range(20):
    tracking.log_metric("loss", (x - 2) ** 2 + 1 / (step + 1), step=step)
tracking.log_text(f"x = {x}", "model/x.txt")
sys.exit(x > 3.5)
""",
    "sweep.py": """
import runner, tracking_client as tracking
best = None
for number, x in enumerate((1.0, 1.5, 2.5, 4.0)):
    trial = runner.run(".", "train", parameters={"x": x}, run_name=f"trial {number}",
                       env_manager="local", synchronous=False)
    trial.wait()
    loss = tracking.MlflowClient().get_run(trial.run_id).data.metrics["loss"]
    if best is None or loss < best[0]:
        best = (loss, number)
tracking.log_metric("best_loss", best[0])
tracking.set_tag("best", f"trial {best[1]}")
""",
}
_NOT_COMPARED = {"runner.ticket", names.HEARTBEAT, "runner.command", names.SOURCE_NAME}


@pytest.fixture(scope="module")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server."""
    if COMMAND is None:
        pytest.skip("the mlflow command is not installed")
    with running_mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


def picture(client: TrackingClient, experiment: str) -> dict[str, Any]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = list(client.find_runs([found.experiment_id]))
    run_names = {run.info.run_id: run.info.run_name for run in runs}
    return {
        str(run.info.run_name): {
            "status": run.info.status,
            "params": run.data.params,
            "tags": {
                key: re.sub(r"[0-9a-f]{32}", lambda found: str(run_names.get(found[0], found[0])), value)
                for key, value in run.data.tags.items()
                if key not in _NOT_COMPARED and not key.startswith(names.REPLAYED_AS)
            },
            "points": {
                key: [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, key)]
                for key in run.data.metrics
            },
            "artifacts": sorted(
                entry.path
                for folder in ("", "model", "runner")
                for entry in client.list_artifacts(run.info.run_id, folder)
            ),
        }
        for run in runs
    }


@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_an_offline_sweep_that_is_synced_equals_the_online_one(
    kind: str, mlflow_url: str, user: User, tmp_path: Path
) -> None:
    store = LocalStore.at(tmp_path / "server" / "mlruns.db")
    store.database.parent.mkdir()
    target = store.uri if kind == "ours" else mlflow_url
    away = "http://tracking.example.invalid"
    folder = user.project(SWEEP)
    order = ("run", str(folder), "-e", "sweep", "--env-manager", "local", "--run-name", "the sweep")
    try:
        online = user.types(*order, "--experiment-name", "online", MLFLOW_TRACKING_URI=target)
        done = user.types(
            *order, "--experiment-name", "offline", MLFLOW_TRACKING_URI=away, RUNNER_OFFLINE="1"
        )
        synced = user.types("sync", "--to", target)

        assert (online.code, done.code, synced.code) == (0, 0, 0), (online.err, done.err, synced.err)
        client = TrackingClient(target)
        assert picture(client, "offline") == picture(client, "online")
        assert len(picture(client, "offline")) == 5
        assert picture(client, "offline")["trial 3"]["status"] == "FAILED"
        assert picture(client, "offline")["trial 3"]["tags"][names.PARENT_RUN_ID] == "the sweep"
    finally:
        stop_server(store)
        for kept in offline.stores_in(journal_folder()):
            stop_server(LocalStore.of_database(kept.database))
