"""The same script with our client leaves equal runs on our server and on a real `mlflow server`.

And MLflow's own client, where it is installed, leaves the same as ours with the same script.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tracking_client.mlflow_server import COMMAND, running_mlflow_server
from tests.tracking_client.scripts import Scripts
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.journal_folder import journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.tracking_uri import parse
from tracking_client.transport import Transport

pytestmark = pytest.mark.skipif(COMMAND is None, reason="the mlflow command is not installed")

_SCRIPT = """
import importlib, math, os, sys
mlflow = importlib.import_module(sys.argv[1])
from_mlflow = sys.argv[1] == "mlflow"
mlflow.set_experiment(sys.argv[2])
with mlflow.start_run(run_name="parent") as run:
    mlflow.log_params({f"p{number}": number for number in range(150)})
    for step in range(40):
        mlflow.log_metric("loss", 1 / (step + 1), step=step, timestamp=1000 + step)
    for step, value in enumerate([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308]):
        mlflow.log_metric("odd", value, step=step, timestamp=1000 + step)
    mlflow.log_metrics({"a": 1, "b/c": 2.5}, step=3, timestamp=5)
    mlflow.set_tags({f"t{number}": "x" * number for number in range(30)})
    mlflow.set_tag("text", "a\\nb\\t\\u2028 \\U0001f600 \\"quoted\\"")
    mlflow.set_tag("gone", "soon")
    mlflow.delete_tag("gone")
    mlflow.set_tag("t1", "last word")
    with mlflow.start_run(run_name="child", nested=True):
        mlflow.log_metric("m", 1.0, step=-5, timestamp=7)
try:
    with mlflow.start_run(run_name="failed"):
        mlflow.log_param("p", "1")
        raise ValueError
except ValueError:
    pass
mlflow.start_run(run_name="ended")
mlflow.log_metric("m", 2.0, timestamp=1)
mlflow.end_run("KILLED")
mlflow.start_run(run_name="left open")
mlflow.log_metric("m", 3.0, timestamp=1)
"""


def _seen(client: TrackingClient, experiment: str) -> dict[str, Any]:
    """All runs of the script by name, without what differs from one time to the next."""
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs: dict[str, Any] = {}
    for run in client.find_runs([found.experiment_id]):
        tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
        runs[run.info.run_name or ""] = {
            "status": run.info.status,
            "has ended": run.info.end_time is not None,
            "metrics": {name: str(value) for name, value in run.data.metrics.items()},
            "params": run.data.params,
            "tags": tags,
            "is nested": "mlflow.parentRunId" in run.data.tags,
            "histories": {
                name: [
                    (str(metric.value), metric.timestamp, metric.step)
                    for metric in client.get_metric_history(run.info.run_id, name)
                ]
                for name in run.data.metrics
            },
        }
    return runs


def _ran(scripts: Scripts, client_name: str, uri: str, experiment: str) -> None:
    done = scripts.run(_SCRIPT, client_name, experiment, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stderr


def test_the_same_script_leaves_equal_runs_on_both_servers_and_with_both_clients(
    client: TrackingClient, server: LocalServer, scripts: Scripts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_mlflow_server(tmp_path_factory.mktemp("mlflow")) as mlflow_url:
        transport = Transport(parse(mlflow_url), environ={}, patience=Patience())
        real = TrackingClient(mlflow_url, transport=transport)
        try:
            _ran(scripts, "tracking_client", server.url, "ours to ours")
            _ran(scripts, "tracking_client", mlflow_url, "ours to mlflow")
            _ran(scripts, "mlflow", mlflow_url, "mlflow to mlflow")
            ours, to_mlflow = _seen(client, "ours to ours"), _seen(real, "ours to mlflow")
            peer = _seen(real, "mlflow to mlflow")
        finally:
            transport.close()
    assert set(ours) == {"parent", "child", "failed", "ended", "left open"}
    assert len(ours["parent"]["histories"]["loss"]) == 40
    assert json.dumps(ours, indent=1, sort_keys=True) == json.dumps(to_mlflow, indent=1, sort_keys=True)
    assert json.dumps(to_mlflow, indent=1, sort_keys=True) == json.dumps(peer, indent=1, sort_keys=True)
    assert list(journal_folder().iterdir()) == []
