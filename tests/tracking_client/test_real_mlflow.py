"""The same calls against our server and a real `mlflow server` leave equal runs.

Skipped where the `mlflow` command is not on PATH: it is a judge, not a dependency.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client import mlflow_server
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.errors import InvalidArgument, NotFound, TrackingError
from tracking_client.tracking_uri import parse
from tracking_client.transport import Transport
from tracking_client.wire.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag

pytestmark = pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")


def _everything(client: TrackingClient, directory: Path) -> dict[str, Any]:
    """Uses the whole API and returns what can be seen of it, without ids and times."""
    name = f"everything {os.urandom(4).hex()}"
    experiment_id = client.ensure_experiment(name).experiment_id
    client.set_experiment_tag(experiment_id, "team", "blue")
    run = client.create_run(experiment_id, tags={"mlflow.user": "me"}, run_name="first", start_time=1000)
    run_id = run.info.run_id
    child = client.create_run(experiment_id, tags={"mlflow.parentRunId": run_id}, run_name="child")
    client.log_batch(
        run_id,
        metrics=[Metric("loss", float(step), 1000 + step, step) for step in range(1500)],
        params=[Param(f"p{index}", str(index)) for index in range(150)],
        tags=[RunTag("a/b c.d-e", "ünï"), RunTag("empty", "")],
    )
    client.log_metric(run_id, "nan", math.nan, timestamp=5)
    client.log_metric(run_id, "inf", -math.inf, timestamp=5)
    dataset = Dataset(name="wine", digest="abc", source_type="local", source="{}")
    client.log_inputs(
        run_id, [DatasetInput(dataset=dataset, tags=(InputTag("mlflow.data.context", "train"),))]
    )
    client.log_text(run_id, "text", "deep/er/text.txt")
    client.log_dict(run_id, {"a": 1}, "value.json")
    client.delete_tag(run_id, "empty")
    client.set_terminated(run_id, "FAILED", 2000)
    client.set_terminated(child.info.run_id)
    fetched = Path(client.download_artifacts(run_id, "", directory))
    search = {
        "all": client.find_runs([experiment_id], order_by=["attributes.start_time"]),
        "children": client.find_runs([experiment_id], f"tags.mlflow.parentRunId = '{run_id}'"),
        "metric": client.find_runs([experiment_id], "metrics.loss > 3 and params.p1 = '1'"),
        "status": client.find_runs([experiment_id], "attributes.status = 'FINISHED'"),
    }
    found = {key: [run.info.run_name for run in runs] for key, runs in search.items()}
    client.delete_run(child.info.run_id)
    return {
        "run": _seen(client.get_run(run_id)),
        "child is nested": client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run_id,
        "child is in the bin": client.get_run(child.info.run_id).info.lifecycle_stage,
        "history": [
            (item.value, item.timestamp, item.step) for item in client.get_metric_history(run_id, "loss")
        ],
        "experiment tags": client.get_experiment(experiment_id).tags.get("team"),
        "artifacts": [(item.path, item.is_dir, item.file_size) for item in client.list_artifacts(run_id)],
        "files": {str(path.relative_to(fetched)): path.read_text() for path in fetched.rglob("*.*")},
        "found": found,
        "errors": _refusals(client, run_id, experiment_id, name),
    }


def _seen(run: Run) -> dict[str, Any]:
    return {
        "info": (
            run.info.status,
            run.info.run_name,
            run.info.user_id,
            run.info.start_time,
            run.info.end_time,
        ),
        "metrics": {key: str(value) for key, value in sorted(run.data.metrics.items())},
        "params": run.data.params,
        "tags": run.data.tags,
        "inputs": run.inputs,
    }


def _refusals(client: TrackingClient, run_id: str, experiment_id: str, name: str) -> list[tuple[str, str]]:
    calls: list[tuple[str, Any]] = [
        ("another value", lambda: client.log_param(run_id, "p1", "other")),
        ("unknown run", lambda: client.get_run("0" * 32)),
        ("unknown experiment", lambda: client.get_experiment("99999")),
        ("no such tag", lambda: client.delete_tag(run_id, "nothing")),
        ("name is taken", lambda: client.create_experiment(name)),
        ("bad filter", lambda: client.search_runs([experiment_id], "nonsense !")),
        ("no such artifact", lambda: client.download_artifacts(run_id, "nothing")),
    ]
    refusals = []
    for what, call in calls:
        with pytest.raises(TrackingError) as caught:
            call()
        refusals.append((what, type(caught.value).__name__))
    return refusals


def test_both_servers_hold_the_same_after_the_same_calls(
    client: TrackingClient, mlflow_url: str, tmp_path: Path
) -> None:
    transport = Transport(parse(mlflow_url), environ={}, patience=Patience())
    real = TrackingClient(mlflow_url, transport=transport)
    try:
        assert _everything(client, tmp_path / "ours") == _everything(real, tmp_path / "real")
    finally:
        transport.close()


def test_the_fluent_api_works_against_it(
    mlflow_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import tracking_client as tracking

    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_url)
    tracking.set_experiment("fluent")
    with tracking.start_run(run_name="parent") as parent:
        tracking.log_param("lr", 1)
        with pytest.raises(InvalidArgument):
            tracking.log_param("lr", 2)
        with tracking.start_run(nested=True):
            tracking.log_metric("m", 1)
        tracking.log_text("x", "x.txt")
    found = tracking.search_runs(output_format="list", order_by=["attributes.start_time"])
    assert [run.info.status for run in found] == ["FINISHED", "FINISHED"]
    assert found[1].data.tags["mlflow.parentRunId"] == parent.info.run_id
    with pytest.raises(NotFound):
        tracking.get_run("0" * 32)


def test_a_run_whose_artifacts_are_in_a_directory(mlflow_url: str, tmp_path: Path) -> None:
    transport = Transport(parse(mlflow_url), environ={}, patience=Patience())
    client = TrackingClient(mlflow_url, transport=transport)
    experiment_id = client.create_experiment("local artifacts", artifact_location=f"file://{tmp_path}/root")
    run_id = client.create_run(experiment_id).info.run_id
    client.log_text(run_id, "x", "a/x.txt")
    assert (tmp_path / "root" / run_id / "artifacts" / "a" / "x.txt").read_text() == "x"
    assert [item.path for item in client.list_artifacts(run_id, "a")] == ["a/x.txt"]
    transport.close()
