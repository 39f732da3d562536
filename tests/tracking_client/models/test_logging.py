"""Models that travel over a server: logged by us or by MLflow, to a server of either, loaded by the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tracking_client as tracking
from tests.tracking_client import mlflow_server
from tests.tracking_client.models import mlflow_session, samples
from tests.tracking_client.servers import stop_server
from tracking_client import local_server, offline
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound, TrackingError
from tracking_client.journal_folder import journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.replaying.runs import Replay
from tracking_client.tracking_uri import LocalStore

# Keras itself, of its numpy backend
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(autouse=True)
def _experiment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and models go to an experiment of the test's own."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"{request.node.name} {os.urandom(4).hex()}")


@pytest.fixture
def name() -> str:
    """The name of a registered model that there is not yet."""
    return f"model-{os.urandom(4).hex()}"


def _mlflow_side(url: str, directory: Path, load: dict[str, list[str]], repository: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking_client.models.mlflow_session", url, str(directory)],
        cwd=repository,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        input=json.dumps({"load": load}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")
@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_models_travel_both_ways(
    kind: str,
    client: TrackingClient,
    server: LocalServer,
    mlflow_url: str,
    repository: Path,
    tmp_path: Path,
    name: str,
) -> None:
    url = server.url if kind == "ours" else mlflow_url
    tracking.set_tracking_uri(url)
    with tracking.start_run() as run:
        ours = mlflow_session.logged(tracking, tmp_path)
        options: dict[str, Any] = {"input_example": mlflow_session.ARRAY, "registered_model_name": name}
        ours["keras"] = tracking.keras.log_model(samples.network(), name="net", **options)
    assert ours["keras"].registered_model_version == "1"
    tracking.set_registered_model_alias(name, "best", 1)
    uris = {kind: [info.model_uri, f"runs:/{run.info.run_id}/{info.name}"] for kind, info in ours.items()}
    uris["keras"] += [f"models:/{name}/1", f"models:/{name}@best", f"models:/{name}/latest"]

    theirs = _mlflow_side(url, tmp_path, uris, repository)

    for kind_of_model, expected in theirs["predicted"].items():
        for uri, values in zip(uris[kind_of_model], expected, strict=True):
            loaded = tracking.pyfunc.load_model(uri)
            assert loaded.model_id == ours[kind_of_model].model_id
            predicted = loaded.predict(mlflow_session.data_for(kind_of_model))
            np.testing.assert_allclose(predicted, values, rtol=1e-6)
    for kind_of_model, found in theirs["logged"].items():
        for uri in found:
            loaded = tracking.pyfunc.load_model(uri, trusted=True)
            np.testing.assert_allclose(
                loaded.predict(mlflow_session.data_for(kind_of_model)), theirs["predicted"][kind_of_model][0]
            )


def test_a_logged_model_belongs_to_its_run_with_its_params_and_metrics(client: TrackingClient) -> None:
    with tracking.start_run() as run:
        tracking.log_param("alpha", 0.5)
        tracking.log_metric("loss", 3.0, step=1)
        tracking.log_metric("loss", 2.0, step=2)
        info = tracking.sklearn.log_model(
            samples.fitted(),
            name="line",
            step=2,
            params={"kind": "linear"},
            tags={"team": "blue"},
            model_type="x",
        )
    model = tracking.get_logged_model(info.model_id)
    assert model.status == "READY"
    assert (model.name, model.model_type, model.source_run_id) == ("line", "x", run.info.run_id)
    assert model.params == {"alpha": "0.5", "kind": "linear"}
    assert model.tags["team"] == "blue"
    assert [(metric.key, metric.value, metric.step) for metric in model.metrics] == [("loss", 2.0, 2)]
    (output,) = tracking.get_run(run.info.run_id).outputs.model_outputs
    assert (output.model_id, output.step) == (info.model_id, 2)
    loaded = tracking.pyfunc.load_model(info.model_uri).metadata
    assert (loaded.model_id, loaded.model_uuid) == (info.model_id, info.model_id)
    assert (loaded.run_id, loaded.artifact_path) == (run.info.run_id, model.artifact_location)


def test_a_model_is_loaded_by_stage_alias_number_and_the_newest(client: TrackingClient, name: str) -> None:
    for factor in (1.0, 2.0):
        model = samples.fitted()
        model.intercept_ = factor
        tracking.sklearn.log_model(model, name="line", registered_model_name=name)
    tracking.set_registered_model_alias(name, "best", 1)
    client.transition_model_version_stage(name, "1", "Production")
    found = {
        how: tracking.sklearn.load_model(f"models:/{name}{how}").intercept_
        for how in ("/1", "/2", "@best", "/Production", "/latest")
    }
    assert found == {"/1": 1.0, "/2": 2.0, "@best": 1.0, "/Production": 1.0, "/latest": 2.0}


def test_a_model_among_the_artifacts_of_a_run_is_loaded(client: TrackingClient, tmp_path: Path) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "saved")
    with tracking.start_run() as run:
        tracking.log_artifacts(str(tmp_path / "saved"), "models/line")
    loaded = tracking.sklearn.load_model(f"runs:/{run.info.run_id}/models/line", tmp_path / "here")
    np.testing.assert_allclose(loaded.predict(samples.TABLE), samples.TARGET)
    assert list((tmp_path / "here").rglob("MLmodel"))


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("models:/m-00000000000000000000000000000000", NotFound),
        ("models:/no-such-model/1", NotFound),
        ("models:/no-such-model@best", TrackingError),
        ("models:/a/b/c", TrackingError),
        ("runs:/00000000000000000000000000000000/model", NotFound),
        ("runs:/0000", TrackingError),
        ("/no/such/directory", NotFound),
        ("no-such-directory", NotFound),
    ],
)
def test_a_uri_that_leads_nowhere_says_so(client: TrackingClient, uri: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        tracking.pyfunc.load_model(uri)


def test_a_model_that_cannot_be_saved_leaves_nothing_on_the_server(client: TrackingClient) -> None:
    import threading

    def locked(model_input: Any, lock: Any = threading.Lock()) -> Any:  # noqa: B008  # what cannot be pickled
        return lock

    with tracking.start_run() as run, pytest.raises(InvalidArgument, match="cannot be pickled"):
        tracking.pyfunc.log_model(name="locked", python_model=locked)
    assert tracking.search_logged_models([run.info.experiment_id], output_format="list") == []


def test_a_model_whose_files_do_not_arrive_is_failed(client: TrackingClient, tmp_path: Path) -> None:
    unwelcome = tmp_path / "a\\b.txt"  # a name that no server takes
    unwelcome.write_text("x")
    with tracking.start_run() as run, pytest.raises(TrackingError):
        tracking.sklearn.log_model(samples.fitted(), name="line", extra_files=[unwelcome])
    (model,) = tracking.search_logged_models([run.info.experiment_id], output_format="list")
    assert model.status == "FAILED"


def test_the_files_of_a_model_may_come_later_or_elsewhere(client: TrackingClient) -> None:
    external = tracking.create_external_model("elsewhere")
    with pytest.raises(InvalidArgument, match="elsewhere"):
        tracking.pyfunc.load_model(external.model_uri)
    info = tracking.sklearn.log_model(samples.fitted(), model_id=external.model_id)
    assert info.model_id == external.model_id
    np.testing.assert_allclose(
        tracking.pyfunc.load_model(info.model_uri).predict(samples.TABLE), samples.TARGET
    )
    assert "mlflow.model.isExternal" not in tracking.get_logged_model(info.model_id).tags


def test_name_and_its_older_word_are_not_both_given(client: TrackingClient) -> None:
    with pytest.raises(InvalidArgument, match="artifact_path"):
        tracking.sklearn.log_model(samples.fitted(), "one", name="two")
    assert tracking.sklearn.log_model(samples.fitted(), "old").name == "old"


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNNER_OFFLINE", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    yield
    for store in offline.stores_in(journal_folder()):
        stop_server(LocalStore.of_database(store.database))
    local_server._forget_ended()


@pytest.mark.usefixtures("_offline")
def test_models_are_logged_and_loaded_without_a_server_and_reach_it_later(
    name: str, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking.start_run() as run:
        info = tracking.sklearn.log_model(
            samples.fitted(), name="line", input_example=samples.TABLE, registered_model_name=name
        )
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/line", f"models:/{name}/1"):
        predicted = tracking.pyfunc.load_model(uri).predict(samples.TABLE)
        np.testing.assert_allclose(predicted, samples.TARGET)
    (store,) = offline.stores_in(journal_folder())
    monkeypatch.delenv("RUNNER_OFFLINE")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    Replay(source=TrackingClient(f"sqlite:///{store.database}"), target=TrackingClient(server.url)).all_runs()

    (replayed,) = tracking.search_logged_models(filter_string="name = 'line'", output_format="list")
    loaded = tracking.pyfunc.load_model(replayed.model_uri)
    np.testing.assert_allclose(loaded.predict(samples.TABLE), samples.TARGET)
    assert (loaded.model_id, loaded.metadata.run_id) == (replayed.model_id, replayed.source_run_id)
