"""A program that uses MLflow's own client: makes one of everything, or prints all that a store holds.

Run in a process of its own, since the client keeps state in its environment:
`python mlflow_data.py make URI` fills a store; `python mlflow_data.py census URI` prints it as JSON, without
what an import may change: ids of experiments and places of artifacts.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType

POINTS = 2500
MODEL_POINTS = 40
_LARGEST = sys.float_info.max
_IN_RUN = re.compile(r".*/([0-9a-f]{32})/artifacts(/.*)?")


def make(uri: str) -> None:
    """Fill the store at `uri`."""
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    default = client.create_run("0", run_name="in the default experiment")
    client.set_terminated(default.info.run_id)
    first = client.create_experiment("first", tags={"team": "blue", "mlflow.note.content": "a\nnote"})
    second = client.create_experiment("second ünï")
    rich = _rich_run(client, first)
    _small_runs(client, second)
    deleted = client.create_run(first, run_name="deleted", start_time=5)
    client.log_param(deleted.info.run_id, "p", "1")
    client.log_metric(deleted.info.run_id, "m", 1.0, timestamp=1)
    client.set_terminated(deleted.info.run_id, "KILLED", 6)
    client.delete_run(deleted.info.run_id)
    gone = client.create_experiment("gone")
    client.set_terminated(client.create_run(gone).info.run_id)
    client.delete_experiment(gone)
    _models(client, first, rich)


def _rich_run(client: Any, experiment_id: str) -> str:
    run = client.create_run(
        experiment_id, start_time=1_600_000_000_123, run_name="rich", tags={"mlflow.user": "somebody"}
    )
    run_id = str(run.info.run_id)
    for start in range(0, POINTS, 1000):
        points = [
            Metric("loss", 1.0 / (step + 1), 1_600_000_000_000 + step, step)
            for step in range(start, min(POINTS, start + 1000))
        ]
        client.log_batch(run_id, metrics=points)
    values = (math.nan, -1e-300, 0.1 + 0.2, math.inf, -math.inf)
    special = [Metric("special", value, 7, step) for step, value in enumerate(values)]
    client.log_batch(
        run_id,
        metrics=[*special, Metric("deep/er", 1.0, 1, -5), Metric("deep/other name", 2.0, 2, 0)],
        params=[
            Param("lr", "0.1"),
            Param("a/b c.d-e", "ünï\nsecond line"),
            Param("empty", ""),
            Param("long", "x" * 6000),
        ],
        tags=[RunTag("t/a.g", "válue"), RunTag("long", "y" * 7000)],
    )
    data = Dataset(
        name="wine", digest="abc1", source_type="local", source="{}", schema='{"a": 1}', profile='{"n": 2}'
    )
    other = Dataset(name="beer", digest="abc2", source_type="http", source='{"url": "x"}')
    tags = [InputTag("mlflow.data.context", "training")]
    client.log_inputs(run_id, [DatasetInput(data, tags), DatasetInput(other, [])])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "ünï code.txt").write_text("text")
        (folder / "deep" / "binary").write_bytes(bytes(range(256)) * 5000)
        (folder / "empty").write_bytes(b"")
        client.log_artifacts(run_id, str(folder))
    client.set_terminated(run_id, "FAILED", 1_600_000_099_999)
    child = client.create_run(experiment_id, run_name="child", tags={"mlflow.parentRunId": run_id})
    client.log_metric(child.info.run_id, "loss", 0.5, timestamp=1)
    return run_id


def _small_runs(client: Any, experiment_id: str) -> None:
    for number in range(30):
        run = client.create_run(experiment_id, start_time=1000 + number, run_name=f"small {number}")
        client.log_batch(
            run.info.run_id,
            metrics=[Metric("m", float(number), number, 0)],
            params=[Param("n", str(number))],
        )
        client.set_terminated(run.info.run_id, "FINISHED", 2000 + number)


class Constant(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """The smallest model."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """What it was given."""
        return model_input


def _models(client: Any, experiment_id: str, run_id: str) -> None:
    with mlflow.start_run(experiment_id=experiment_id, run_name="with model") as run:
        logged = mlflow.pyfunc.log_model(
            name="model", python_model=Constant(), registered_model_name="churn", pip_requirements=["pandas"]
        )
        for step in range(MODEL_POINTS):
            mlflow.log_metric("quality", 0.75 + step, step=step, model_id=logged.model_id)
        for step, value in enumerate((math.nan, math.inf, -math.inf)):
            mlflow.log_metric("special", value, step=step, model_id=logged.model_id)
    client.set_logged_model_tags(logged.model_id, {"kind": "constant"})
    client.log_inputs(run_id, models=[mlflow.entities.LoggedModelInput(logged.model_id)])
    unfinished = client.create_logged_model(
        experiment_id, name="unfinished", params={"depth": "3"}, model_type="agent"
    )
    assert unfinished.status.value == "PENDING"
    client.update_registered_model("churn", "who leaves")
    client.set_registered_model_tag("churn", "owner", "me")
    for stage in ("Staging", "Archived"):
        version = client.create_model_version(
            "churn", f"runs:/{run.info.run_id}/nowhere", run.info.run_id, description=stage, tags={"n": stage}
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client.transition_model_version_stage("churn", version.version, stage)
    client.create_model_version("churn", "s3://elsewhere/model")
    client.delete_model_version("churn", "3")
    client.set_registered_model_alias("churn", "champion", "2")
    client.create_registered_model("empty one", tags={"a": "b"})
    client.create_registered_model("of no run")
    if not mlflow.get_tracking_uri().startswith("http"):  # a server refuses it
        client.create_model_version("of no run", f"{client.get_run(run_id).info.artifact_uri}/deep")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")


def census(uri: str) -> dict[str, Any]:
    """All that a client can see of the store at `uri`."""
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    found: dict[str, Any] = {"experiments": {}, "registered": {}}
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=1000)
        found["experiments"][experiment.name] = {
            "stage": experiment.lifecycle_stage,
            "created": experiment.creation_time,
            "updated": None if experiment.experiment_id == "0" else experiment.last_update_time,
            "tags": experiment.tags,
            # A search of MLflow's leaves out which models a run read.
            "runs": {run.info.run_id: _run(client, client.get_run(run.info.run_id)) for run in runs},
            "models": {
                model.model_id: _model(client, model)
                for model in client.search_logged_models([experiment.experiment_id])
            },
        }
    for model in client.search_registered_models():
        versions = client.search_model_versions(f"name = '{model.name}'")
        found["registered"][model.name] = {
            "created": model.creation_timestamp,
            "description": model.description or None,
            "tags": model.tags,
            "aliases": {alias: str(number) for alias, number in model.aliases.items()},
            "versions": {str(version.version): _version(client, version) for version in versions},
        }
    return found


def _run(client: Any, run: Any) -> dict[str, Any]:
    info, data = run.info, run.data
    times = {"start": info.start_time, "end": info.end_time}
    history = {
        key: sorted(
            [_number(point.value), point.timestamp, point.step]
            for point in client.get_metric_history(info.run_id, key)
        )
        for key in data.metrics
    }
    return {
        **times,
        "name": info.run_name,
        "user": info.user_id,
        "status": info.status,
        "stage": info.lifecycle_stage,
        "params": data.params,
        "tags": data.tags,
        "latest": {key: _number(value) for key, value in data.metrics.items()},
        "history": history,
        "datasets": sorted(
            json.dumps(
                {**use.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in use.tags}},
                sort_keys=True,
            )
            for use in run.inputs.dataset_inputs
        ),
        "read": sorted(model.model_id for model in run.inputs.model_inputs),
        "made": sorted([model.model_id, model.step] for model in run.outputs.model_outputs),
        "files": _files(client, info.run_id, "") if info.lifecycle_stage == "active" else None,
    }


def _number(value: float) -> str:
    """A metric's value. MLflow's databases, and ours, keep the largest number in place of an infinite one."""
    return repr(value if math.isnan(value) else max(-_LARGEST, min(_LARGEST, value)))


def _files(client: Any, run_id: str, directory: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in client.list_artifacts(run_id, directory or None):
        if entry.is_dir:
            found |= _files(client, run_id, entry.path)
        else:
            with tempfile.TemporaryDirectory() as made:
                local = Path(client.download_artifacts(run_id, entry.path, made))
                found[entry.path] = hashlib.sha256(local.read_bytes()).hexdigest()
    return found


def _model(client: Any, model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as made:
        files = {}
        if model.status.value == "READY":
            root = Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path=made))
            files = {
                path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in root.rglob("*")
                if path.is_file()
            }
    return {
        "name": model.name,
        "type": model.model_type or None,
        "status": model.status.value,
        "created": model.creation_timestamp,
        "updated": model.last_updated_timestamp,
        "run": model.source_run_id or None,
        "params": model.params,
        "tags": model.tags,
        "metrics": sorted(_model_points(model)),
        "files": files,
    }


def _model_points(model: Any) -> list[list[Any]]:
    """Every metric point of a logged model. MLflow's file store writes them all, and tells the latest only."""
    home = Path(mlflow.get_tracking_uri()) / str(model.experiment_id) / "models" / model.model_id / "metrics"
    if not home.is_dir():
        told = model.metrics or ()
        return [[one.key, _number(one.value), one.timestamp, one.step, one.run_id] for one in told]
    found: list[list[Any]] = []
    for path in home.iterdir():
        for line in path.read_text().splitlines():
            timestamp, value, step, run_id = line.split()[:4]
            found.append([path.name, _number(float(value)), int(timestamp), int(step), run_id])
    return found


def _version(client: Any, version: Any) -> dict[str, Any]:
    loaded = None
    if version.source.startswith("models:/"):
        loaded = str(mlflow.pyfunc.load_model(f"models:/{version.name}/{version.version}").predict([1]))
    return {
        "created": version.creation_timestamp,
        "updated": version.last_updated_timestamp,
        "description": version.description or None,
        "stage": version.current_stage,
        # A version among the artifacts of a run comes from that run, and an import says so.
        "run": version.run_id or (match[1] if (match := _IN_RUN.fullmatch(version.source)) else None),
        "status": version.status,
        "tags": version.tags,
        "loaded": loaded,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        sys.stdout.write("\n" + json.dumps(census(sys.argv[2]), sort_keys=True) + "\n")
