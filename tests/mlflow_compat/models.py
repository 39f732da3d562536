"""Logged models, automatic logging and the registry through MLflow's own client."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import LoggedModelInput, LoggedModelOutput, WebhookEvent
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV

from tests.mlflow_compat.refusals import refused

NEEDS = ["scikit-learn"]
"""What a logged model needs: found out by MLflow in a process of its own, for seconds, where it is not given."""


def models_are_logged_and_loaded(client: Any) -> None:
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(
            Ridge().fit([[1], [2]], [1, 2]),
            name="model",
            params={"alpha": 1},
            input_example=np.array([[1.0]]),
            pip_requirements=NEEDS,
        )
        mlflow.log_metric("loss", 0.5)
    assert len(mlflow.pyfunc.load_model(logged.model_uri).predict(np.array([[3.0]]))) == 1
    by_run = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert by_run.metadata.run_id == run.info.run_id
    assert isinstance(mlflow.sklearn.load_model(logged.model_uri), Ridge)
    assert client.get_logged_model(logged.model_id).metrics[0].value == 0.5
    assert client.get_run(run.info.run_id).outputs.model_outputs[0].model_id == logged.model_id
    assert mlflow.last_logged_model().model_id == logged.model_id
    assert "MLmodel" in [entry.path for entry in client.list_logged_model_artifacts(logged.model_id)]
    found = mlflow.search_logged_models(filter_string="params.alpha = '1'", output_format="list")
    assert [model.model_id for model in found] == [logged.model_id]
    assert mlflow.models.get_model_info(logged.model_uri).signature is not None


class Doubling(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow has no types
    """The smallest model of one's own."""

    def predict(self, model_input: list[float]) -> list[float]:
        """Twice the input."""
        return [2 * value for value in model_input]


def models_of_ones_own(client: Any) -> None:
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(name="doubling", python_model=Doubling(), pip_requirements=NEEDS)
    assert mlflow.pyfunc.load_model(logged.model_uri).predict([1.5]) == [3.0]


def logged_models_by_hand(client: Any) -> None:
    experiment = client.get_experiment_by_name("the experiment").experiment_id
    made = client.create_logged_model(
        experiment, name="byhand", tags={"t": "1"}, params={"p": "1"}, model_type="tree"
    )
    folder = Path(tempfile.mkdtemp())
    (folder / "weights").write_text("w")
    client.log_model_artifact(made.model_id, str(folder / "weights"))
    client.log_model_artifacts(made.model_id, str(folder))
    client.log_model_params(made.model_id, {"q": "2"})
    client.set_logged_model_tags(made.model_id, {"u": "2"})
    client.delete_logged_model_tag(made.model_id, "t")
    client.finalize_logged_model(made.model_id, "READY")
    model = client.get_logged_model(made.model_id)
    assert (model.status, model.tags, model.params) == ("READY", {"u": "2"}, {"p": "1", "q": "2"})
    with mlflow.start_run() as run:
        dataset = mlflow.data.from_numpy(np.arange(3), name="d")
        mlflow.log_metric("loss", 0.25, dataset=dataset, model_id=made.model_id)
    client.log_inputs(run.info.run_id, models=[LoggedModelInput(made.model_id)])
    client.log_outputs(run.info.run_id, [LoggedModelOutput(made.model_id, 2)])
    assert client.get_run(run.info.run_id).inputs.model_inputs[0].model_id == made.model_id
    found = client.search_logged_models(
        [experiment],
        "metrics.loss < 0.3",
        datasets=[{"dataset_name": "d", "dataset_digest": dataset.digest}],
        order_by=[{"field_name": "metrics.loss", "ascending": True, "dataset_name": "d"}],
    )
    assert [each.model_id for each in found] == [made.model_id]
    client.delete_logged_model(made.model_id)
    assert refused(lambda: client.get_logged_model(made.model_id)).error_code == "RESOURCE_DOES_NOT_EXIST"


def logged_models_fluently(client: Any) -> None:
    mlflow.set_active_model(name="active")
    model_id = mlflow.get_active_model_id()
    mlflow.log_metric("of the active", 1)
    mlflow.end_run()
    mlflow.log_model_params({"a": "b"}, model_id=model_id)
    mlflow.clear_active_model()
    assert mlflow.get_logged_model(model_id).params == {"a": "b"}
    begun = mlflow.initialize_logged_model(name="begun")
    mlflow.set_logged_model_tags(begun.model_id, {"k": "v", "w": "x"})
    mlflow.delete_logged_model_tag(begun.model_id, "k")
    mlflow.finalize_logged_model(begun.model_id, "FAILED")
    assert mlflow.get_logged_model(begun.model_id).tags["w"] == "x"
    assert mlflow.create_external_model(name="elsewhere").status == "READY"


def automatic_logging(client: Any) -> None:
    data = pd.DataFrame({"a": [0.0, 1.0, 0.2, 0.9, 0.1, 0.8], "b": [1.0, 0.0, 0.9, 0.1, 1.0, 0.2]})
    target = [0, 1, 0, 1, 0, 1]
    mlflow.sklearn.autolog(max_tuning_runs=2, log_datasets=True)
    try:
        with warnings.catch_warnings(), mlflow.start_run() as run:
            warnings.simplefilter("ignore")
            LogisticRegression(C=0.5).fit(data, target)
        with warnings.catch_warnings(), mlflow.start_run() as search:
            warnings.simplefilter("ignore")
            GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(data, target)
    finally:
        mlflow.sklearn.autolog(disable=True)
    done = client.get_run(run.info.run_id)
    assert done.data.params["C"] == "0.5"
    assert "training_accuracy_score" in done.data.metrics
    assert done.inputs.dataset_inputs
    assert len(done.outputs.model_outputs) == 1
    children = mlflow.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{search.info.run_id}'", output_format="list"
    )
    assert sorted(child.data.params["C"] for child in children) == ["0.1", "1.0"]


def evaluation(client: Any) -> None:
    data = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(
            Ridge(alpha=1e-9).fit(data[["x"]], data["y"]), name="evaluated", pip_requirements=NEEDS
        )
        result = mlflow.models.evaluate(
            logged.model_uri,
            data,
            targets="y",
            model_type="regressor",
            evaluator_config={"log_explainer": False},
        )
    assert result.metrics["mean_squared_error"] < 1e-6
    assert "mean_squared_error" in client.get_run(run.info.run_id).data.metrics


def the_registry(client: Any) -> None:
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            Ridge().fit([[1], [2]], [1, 2]),
            name="m",
            registered_model_name="registered",
            pip_requirements=NEEDS,
        )
    client.update_registered_model("registered", "words")
    client.set_registered_model_tag("registered", "k", "v")
    again = mlflow.register_model(logged.model_uri, "registered", tags={"n": "2"})
    assert again.version == "2", again
    client.set_registered_model_alias("registered", "champion", "2")
    assert client.get_model_version_by_alias("registered", "champion").version == "2"
    for uri in ("models:/registered/1", "models:/registered@champion", "models:/registered/latest"):
        assert len(mlflow.pyfunc.load_model(uri).predict([[3]])) == 1
    client.transition_model_version_stage("registered", "1", "Production", archive_existing_versions=True)
    assert mlflow.sklearn.load_model("models:/registered/Production") is not None
    assert [version.version for version in client.get_latest_versions("registered", ["Production"])] == ["1"]
    assert "Production" in client.get_model_version_stages("registered", "1")
    assert client.get_model_version_download_uri("registered", "1")
    client.update_model_version("registered", "1", "of the version")
    client.set_model_version_tag("registered", "1", "t", "x")
    mlflow.set_model_version_tag("registered", "1", "u", "y")
    client.delete_model_version_tag("registered", "1", "u")
    version = client.get_model_version("registered", "1")
    assert (version.description, version.tags) == ("of the version", {"t": "x"})
    found = mlflow.search_registered_models(filter_string="tags.k = 'v'")
    assert (found[0].name, found[0].aliases) == ("registered", {"champion": "2"})
    assert len(client.search_registered_models("name ILIKE 'REG%'", max_results=1)) == 1
    ordered = mlflow.search_model_versions(
        filter_string="name = 'registered'", order_by=["version_number DESC"]
    )
    assert [each.version for each in ordered] == ["2", "1"]
    assert len(client.search_model_versions(f"run_id = '{version.run_id}'")) == 2
    copied = client.copy_model_version("models:/registered/1", "copied")
    assert (copied.name, copied.version) == ("copied", "1")
    client.create_registered_model("plain", tags={"a": "b"}, description="d")
    client.create_model_version("plain", "s3://bucket/model", tags={"c": "d"})
    client.rename_registered_model("plain", "renamed")
    assert client.get_registered_model("renamed").latest_versions[0].source == "s3://bucket/model"
    client.delete_registered_model_tag("renamed", "a")
    client.delete_registered_model_alias("registered", "champion")
    client.delete_model_version("registered", "2")
    client.delete_registered_model("renamed")
    assert refused(lambda: client.get_registered_model("renamed")).error_code == "RESOURCE_DOES_NOT_EXIST"
    assert mlflow.get_logged_model(logged.model_id).tags["mlflow.modelVersions"]


def webhooks(client: Any) -> None:
    made = client.create_webhook(
        "hook", "https://1.1.1.1/x", [WebhookEvent.from_str("model_version.created")], secret="s"
    )
    try:
        assert client.get_webhook(made.webhook_id).name == "hook"
        assert (
            client.update_webhook(made.webhook_id, description="words", status="DISABLED").description
            == "words"
        )
        assert [hook.name for hook in client.list_webhooks()] == ["hook"]
    finally:
        client.delete_webhook(made.webhook_id)
    assert refused(lambda: client.test_webhook(made.webhook_id)).error_code == "RESOURCE_DOES_NOT_EXIST"


TESTS = (
    models_are_logged_and_loaded,
    models_of_ones_own,
    logged_models_by_hand,
    logged_models_fluently,
    automatic_logging,
    evaluation,
    the_registry,
    webhooks,
)
