"""A program that uses MLflow's own client against the server it is given, and prints what went wrong.

Run by `test_real_mlflow_client.py` in a process of its own, since the client keeps state in its environment:
`python mlflow_session.py URL`. Each function is one test; the output is a JSON object of name to problem or null.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow


def logging_and_reading_back(client: Any) -> None:
    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_params({"lr": 0.1, "layers": "2"})
        mlflow.log_metric("loss", 1.5, step=1)
        waiting: Any = mlflow.log_metric("loss", 1.2, step=2, synchronous=False)
        assert waiting is not None
        waiting.wait()
        mlflow.log_metrics({"acc": 0.5, "bad": math.nan}, step=2)
        mlflow.set_tags({"a": "1", "b": "2"})
        with mlflow.start_run(nested=True) as child:
            pass
    run = client.get_run(parent.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1", "layers": "2"}
    assert run.data.metrics["loss"] == 1.2
    assert math.isnan(run.data.metrics["bad"])
    assert [point.value for point in client.get_metric_history(parent.info.run_id, "loss")] == [1.5, 1.2]
    found = mlflow.search_runs(
        experiment_names=["the experiment"],
        filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        output_format="list",
    )
    assert [run.info.run_id for run in found] == [child.info.run_id]


def refused(call: Callable[[], object]) -> Any:
    """The error that a call which must fail ends with."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # several classes, by version
        return error
    raise AssertionError("the call should have failed")


def artifacts(client: Any) -> None:
    folder = Path(tempfile.mkdtemp())
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x.txt").write_text("x")
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "texts/h.txt")
        mlflow.log_dict({"a": 1}, "d.json")
        mlflow.log_artifacts(str(folder), "all of it")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/texts/h.txt") == "hello"
    listed = [entry.path for entry in client.list_artifacts(run.info.run_id)]
    assert listed == ["all of it", "d.json", "texts"], listed
    local = Path(client.download_artifacts(run.info.run_id, "all of it", tempfile.mkdtemp()))
    assert (local / "deep" / "x.txt").read_text() == "x"
    assert refused(lambda: mlflow.artifacts.load_text(f"{run.info.artifact_uri}/nothing"))


def errors_are_mlflows(client: Any) -> None:
    with mlflow.start_run() as run:
        mlflow.log_param("p", 1)
        changed = refused(lambda: mlflow.log_param("p", 2))
    missing = refused(lambda: client.get_run("nope"))
    assert "Changing param values is not allowed" in str(changed)
    assert missing.error_code == "RESOURCE_DOES_NOT_EXIST"
    client.delete_run(run.info.run_id)
    client.restore_run(run.info.run_id)


def experiments(client: Any) -> None:
    experiment_id = client.create_experiment("second", tags={"team": "a"})
    client.rename_experiment(experiment_id, "renamed")
    client.delete_experiment(experiment_id)
    client.restore_experiment(experiment_id)
    assert client.get_experiment_by_name("renamed").tags == {"team": "a"}
    found = client.search_experiments(filter_string="tags.team = 'a'")
    assert [experiment.name for experiment in found] == ["renamed"]


def models_are_logged_and_loaded(client: Any) -> None:
    try:
        from sklearn.linear_model import Ridge
    except ImportError:
        raise ModuleNotFoundError("scikit-learn is not installed") from None
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(Ridge().fit([[1], [2]], [1, 2]), name="model")
        mlflow.log_metric("loss", 0.5)
    assert len(mlflow.pyfunc.load_model(logged.model_uri).predict([[3]])) == 1
    by_run = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert by_run.metadata.run_id == run.info.run_id
    assert client.get_logged_model(logged.model_id).metrics[0].value == 0.5
    found = mlflow.search_logged_models(output_format="list")
    assert [model.model_id for model in found] == [logged.model_id]


TESTS: tuple[Callable[[Any], None], ...] = (
    logging_and_reading_back,
    artifacts,
    errors_are_mlflows,
    experiments,
    models_are_logged_and_loaded,
)


def main(url: str) -> None:
    """Run every test and print the problems."""
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("the experiment")
    problems: dict[str, str | None] = {}
    for test in TESTS:
        try:
            test(mlflow.MlflowClient())
            problems[test.__name__] = None
        except Exception:  # noqa: BLE001  # reported, and the others still run
            problems[test.__name__] = traceback.format_exc()
            mlflow.end_run()
    print("\n" + json.dumps(problems))


if __name__ == "__main__":
    main(sys.argv[1])
