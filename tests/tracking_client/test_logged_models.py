"""Logged models: what the client refuses, their files, and the fluent functions."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import tracking_client as tracking
from tests.tracking_client.proxy import Proxy
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.wire.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus


@pytest.fixture(autouse=True)
def _experiment(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and models go to an experiment of the test's own."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)


@pytest.mark.parametrize("model_id", ["", "..", "a/b", "m-1/tags/x", "m 1", "m-1?x", None])
def test_an_id_that_would_lead_to_another_call_is_refused(
    through: TrackingClient, proxy: Proxy, model_id: str
) -> None:
    for call in (through.get_logged_model, through.delete_logged_model):
        with pytest.raises(InvalidArgument):
            call(model_id)
    assert proxy.requests == []


@pytest.mark.parametrize("key", ["..", ".", "", "../x", "a/../b", "/a"])
def test_a_tag_that_would_lead_to_another_call_is_refused(
    through: TrackingClient, proxy: Proxy, experiment_id: str, key: str
) -> None:
    model_id = through.create_logged_model(experiment_id).model_id
    proxy.requests.clear()
    with pytest.raises(InvalidArgument):
        through.delete_logged_model_tag(model_id, key)
    assert proxy.requests == []
    assert through.get_logged_model(model_id).model_id == model_id


@pytest.mark.parametrize("status", ["PENDING", "NONSENSE", "ready", ""])
def test_a_model_is_finished_as_ready_or_failed_only(
    client: TrackingClient, experiment_id: str, status: str
) -> None:
    model_id = client.create_logged_model(experiment_id).model_id
    with pytest.raises(InvalidArgument, match="READY, FAILED"):
        client.finalize_logged_model(model_id, status)


def test_a_lost_answer_does_not_turn_success_into_failure(
    through: TrackingClient, proxy: Proxy, experiment_id: str
) -> None:
    model_id = through.create_logged_model(experiment_id, tags={"k": "v"}).model_id
    proxy.plan = ["lose"]
    through.delete_logged_model_tag(model_id, "k")
    proxy.plan = ["lose"]
    through.log_model_params(model_id, {"p": 1})
    proxy.plan = ["lose"]
    through.finalize_logged_model(model_id, LoggedModelStatus.READY)
    model = through.get_logged_model(model_id)
    assert (model.tags, model.params, model.status) == ({}, {"p": "1"}, LoggedModelStatus.READY)
    proxy.plan = ["lose"]
    through.delete_logged_model(model_id)
    with pytest.raises(NotFound):
        through.get_logged_model(model_id)


def test_a_parameter_keeps_its_first_value(client: TrackingClient, experiment_id: str) -> None:
    model_id = client.create_logged_model(experiment_id, params={"p": 1}).model_id
    with pytest.raises(InvalidArgument):
        client.log_model_params(model_id, {"p": 2})


def test_every_page_is_walked(
    client: TrackingClient, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking_client.logged_models.LOGGED_MODELS_PER_PAGE", 2)
    for number in range(5):
        client.create_logged_model(experiment_id, name=f"m{number}")
    order = [{"field_name": "name"}]
    found = client.find_logged_models([experiment_id], order_by=order)
    assert [model.name for model in found] == ["m0", "m1", "m2", "m3", "m4"]
    assert len(list(client.find_logged_models([experiment_id], max_results=3))) == 3


def test_an_order_without_a_field_is_refused(client: TrackingClient, experiment_id: str) -> None:
    with pytest.raises(InvalidArgument, match="'field_name'"):
        client.search_logged_models([experiment_id], order_by=["name"])  # type: ignore[list-item]  # a slip
    with pytest.raises(InvalidArgument, match="'dataset_name'"):
        client.search_logged_models([experiment_id], datasets=[{"name": "x"}])


def test_files_of_a_model_come_back_as_they_went(
    client: TrackingClient, experiment_id: str, tmp_path: Path
) -> None:
    source = tmp_path / "model; echo 'x"
    (source / "data").mkdir(parents=True)
    (source / "MLmodel").write_text("flavors: {}\n")
    (source / "data" / "weights.bin").write_bytes(b"\0\1")
    model_id = client.create_logged_model(experiment_id).model_id
    client.log_model_artifacts(model_id, source)
    client.log_model_artifact(model_id, source / "MLmodel", "copies")
    assert [item.path for item in client.list_logged_model_artifacts(model_id)] == [
        "MLmodel",
        "copies",
        "data",
    ]
    fetched = Path(client.download_logged_model_artifacts(model_id, dst_path=tmp_path / "fetched"))
    assert (fetched / "data" / "weights.bin").read_bytes() == b"\0\1"
    assert (fetched / "copies" / "MLmodel").read_text() == "flavors: {}\n"
    with pytest.raises(NotFound):
        client.download_logged_model_artifacts(model_id, "nothing", tmp_path / "more")
    with pytest.raises(InvalidArgument):
        client.download_logged_model_artifacts(model_id, "../other", tmp_path / "more")
    with pytest.raises(FileNotFoundError):
        client.log_model_artifact(model_id, source)
    with pytest.raises(NotADirectoryError):
        client.log_model_artifacts(model_id, source / "MLmodel")


def test_a_metric_may_be_one_of_a_model_on_a_data_set(client: TrackingClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    model_id = client.create_logged_model(experiment_id, source_run_id=run_id).model_id
    client.log_metric(run_id, "acc", 0.5, model_id=model_id, dataset_name="wine", dataset_digest="1")
    (metric,) = client.get_logged_model(model_id).metrics
    assert (metric.key, metric.value, metric.dataset_name, metric.run_id) == ("acc", 0.5, "wine", run_id)


def test_a_model_belongs_to_the_run_that_is_active(experiment_id: str, client: TrackingClient) -> None:
    assert tracking.last_logged_model() is None
    alone = tracking.initialize_logged_model("alone")
    assert (alone.source_run_id, alone.experiment_id) == ("", experiment_id)
    other = client.create_experiment(f"{experiment_id} other")
    with tracking.start_run(experiment_id=other) as run:
        inside = tracking.initialize_logged_model("inside", params={"a": 1})
        assert (inside.source_run_id, inside.experiment_id) == (run.info.run_id, other)
        tracking.log_model_params({"b": 2})
        tracking.log_outputs([LoggedModelOutput(inside.model_id, 1)])
        tracking.log_input(model=LoggedModelInput(alone.model_id))
    last = tracking.last_logged_model()
    assert last is not None
    assert (last.model_id, last.params) == (inside.model_id, {"a": "1", "b": "2"})
    after = client.get_run(run.info.run_id)
    assert [item.model_id for item in after.outputs.model_outputs] == [inside.model_id]
    assert [item.model_id for item in after.inputs.model_inputs] == [alone.model_id]
    assert after.to_dictionary()["outputs"] == {"model_outputs": [{"model_id": inside.model_id, "step": 1}]}


def test_a_worker_thread_makes_models_of_the_process_s_run(experiment_id: str) -> None:
    made = []
    with tracking.start_run() as run:
        worker = threading.Thread(target=lambda: made.append(tracking.initialize_logged_model("w")))
        worker.start()
        worker.join()
    assert [model.source_run_id for model in made] == [run.info.run_id]


def test_params_without_any_model_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="model_id"):
        tracking.log_model_params({"a": 1})


def test_an_unknown_output_format_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="Unsupported output format: 'csv'"):
        tracking.search_logged_models(output_format="csv")


def test_an_external_model_says_so_in_its_files(client: TrackingClient, tmp_path: Path) -> None:
    import yaml

    model = tracking.create_external_model("elsewhere", tags={"a": 1})
    assert model.status is LoggedModelStatus.READY
    assert model.tags["mlflow.model.isExternal"] == "true"
    path = client.download_logged_model_artifacts(model.model_id, "MLmodel", tmp_path)
    described = yaml.safe_load(Path(path).read_text())
    assert described["metadata"] == {"mlflow.model.isExternal": True}
    assert described["model_id"] == model.model_id
    assert described["flavors"] == {}
