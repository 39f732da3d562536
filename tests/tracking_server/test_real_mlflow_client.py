"""MLflow's own client against a real server: everything a training script does with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

mlflow = pytest.importorskip("mlflow", reason="the real MLflow client is not installed in this environment")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def tracked(start_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server = start_server()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(str(server.http.base_url))
    mlflow.set_experiment("the experiment")
    yield mlflow.MlflowClient()
    mlflow.end_run()
    mlflow.set_tracking_uri(before)


def test_logging_and_reading_back(tracked: Any) -> None:
    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_params({"lr": 0.1, "layers": "2"})
        mlflow.log_metric("loss", 1.5, step=1)
        mlflow.log_metric("loss", 1.2, step=2, synchronous=False).wait()
        mlflow.log_metrics({"acc": 0.5, "bad": math.nan}, step=2)
        mlflow.set_tags({"a": "1", "b": "2"})
        with mlflow.start_run(nested=True) as child:
            pass

    run = tracked.get_run(parent.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1", "layers": "2"}
    assert run.data.metrics["loss"] == 1.2
    assert math.isnan(run.data.metrics["bad"])
    assert [point.value for point in tracked.get_metric_history(parent.info.run_id, "loss")] == [1.5, 1.2]
    found = mlflow.search_runs(
        experiment_names=["the experiment"],
        filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        output_format="list",
    )
    assert [run.info.run_id for run in found] == [child.info.run_id]


def test_artifacts(tracked: Any, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x.txt").write_text("x")
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "texts/h.txt")
        mlflow.log_dict({"a": 1}, "d.json")
        mlflow.log_artifacts(str(folder), "all of it")

    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/texts/h.txt") == "hello"
    assert [entry.path for entry in tracked.list_artifacts(run.info.run_id)] == [
        "all of it",
        "d.json",
        "texts",
    ]
    local = Path(tracked.download_artifacts(run.info.run_id, "all of it", str(tmp_path)))
    assert (local / "deep" / "x.txt").read_text() == "x"
    with pytest.raises(Exception, match=r"(?i)no such artifact|not found|404"):
        mlflow.artifacts.load_text(f"{run.info.artifact_uri}/nothing")


def test_errors_are_mlflows(tracked: Any) -> None:
    with mlflow.start_run() as run:
        mlflow.log_param("p", 1)
        with pytest.raises(mlflow.exceptions.MlflowException, match="Changing param values is not allowed"):
            mlflow.log_param("p", 2)
    with pytest.raises(mlflow.exceptions.MlflowException) as caught:
        tracked.get_run("nope")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    tracked.delete_run(run.info.run_id)
    tracked.restore_run(run.info.run_id)


def test_experiments(tracked: Any) -> None:
    experiment_id = tracked.create_experiment("second", tags={"team": "a"})
    tracked.rename_experiment(experiment_id, "renamed")
    tracked.delete_experiment(experiment_id)
    tracked.restore_experiment(experiment_id)

    assert tracked.get_experiment_by_name("renamed").tags == {"team": "a"}
    found = tracked.search_experiments(filter_string="tags.team = 'a'")
    assert [experiment.name for experiment in found] == ["renamed"]


def test_models_are_logged_and_loaded(tracked: Any) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(linear_model.Ridge().fit([[1], [2]], [1, 2]), name="model")
        mlflow.log_metric("loss", 0.5)

    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert len(loaded.predict([[3]])) == 1
    assert mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model").metadata.run_id == run.info.run_id
    assert tracked.get_logged_model(logged.model_id).metrics[0].value == 0.5
    assert [model.model_id for model in mlflow.search_logged_models(output_format="list")] == [
        logged.model_id
    ]
