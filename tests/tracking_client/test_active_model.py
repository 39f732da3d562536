"""Whose metrics are: a model's that is named, that is active, or that the run logged at the step."""

from __future__ import annotations

import threading

import pytest

import tracking_client as tracking
from tests.tracking_client.scripts import Scripts
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound


@pytest.fixture(autouse=True)
def _experiment(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and models go to an experiment of the test's own."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)


def logged_model(name: str, step: int = 0) -> str:
    """The id of a model that the run at hand logs."""
    made = tracking.pyfunc.log_model(name=name, python_model=len, step=step, pip_requirements=["numpy"])
    assert made.model_id is not None
    return made.model_id


def metrics_of(client: TrackingClient, model_id: str) -> set[str]:
    return {metric.key for metric in client.get_logged_model(model_id).metrics}


def test_what_a_run_measures_at_the_step_of_a_model_is_the_models(client: TrackingClient) -> None:
    with tracking.start_run() as run:
        tracking.log_metric("before", 1, step=3)
        model_id = logged_model("net", step=3)
        tracking.log_metric("after", 2, step=3)
        tracking.log_metrics({"too": 3}, step=3)
        tracking.log_metric("elsewhere", 4, step=2)
        assert [(item.model_id, item.step) for item in run.outputs.model_outputs] == [(model_id, 3)]
    with tracking.start_run(run_id=run.info.run_id):
        tracking.log_metric("resumed", 5, step=3)

    assert metrics_of(client, model_id) == {"before", "after", "too", "resumed"}
    assert client.get_run(run.info.run_id).inputs.model_inputs == ()


def test_of_several_models_at_one_step_each_has_the_metric(client: TrackingClient) -> None:
    with tracking.start_run():
        both = [logged_model("one"), logged_model("other")]
        tracking.log_metric("loss", 1)

    assert [metrics_of(client, model_id) for model_id in both] == [{"loss"}, {"loss"}]


def test_metrics_are_of_the_active_model_as_long_as_it_is(client: TrackingClient) -> None:
    one, other = (tracking.create_external_model(name).model_id for name in ("one", "other"))
    with tracking.start_run() as run:
        tracking.set_active_model(model_id=one)
        tracking.log_metric("a", 1, step=7)
        with tracking.set_active_model(name="other") as active:
            assert (active.model_id, active.name) == (other, "other")
            tracking.log_metrics({"b": 2}, step=7)
            tracking.MlflowClient().log_metric(run.info.run_id, "c", 3)
            tracking.log_metric("named", 4, model_id=one)
            tracking.log_model_params({"depth": 3})
        assert tracking.get_active_model_id() == one
        tracking.clear_active_model()
        assert tracking.get_active_model_id() is None
        tracking.log_metric("d", 5, step=7)

    assert metrics_of(client, one) == {"a", "named"}
    assert metrics_of(client, other) == {"b", "c"}
    assert client.get_logged_model(other).params == {"depth": "3"}
    used = {item.model_id for item in client.get_run(run.info.run_id).inputs.model_inputs}
    assert used == {one, other}


def test_each_thread_has_an_active_model_of_its_own() -> None:
    tracking.set_active_model(name="of the main thread")
    seen: list[str | None] = []
    thread = threading.Thread(target=lambda: seen.append(tracking.get_active_model_id()))
    thread.start()
    thread.join()

    assert seen == [None]
    assert tracking.get_active_model_id() is not None


def test_a_program_may_be_told_its_active_model(scripts: Scripts, client: TrackingClient) -> None:
    model_id = tracking.create_external_model("given").model_id
    source = "import tracking_client as t; t.log_metric('m', 1); t.clear_active_model(); t.log_metric('n', 1)"

    done = scripts.run(source, MLFLOW_ACTIVE_MODEL_ID=model_id)

    assert done.returncode == 0, done.stderr
    assert metrics_of(client, model_id) == {"m"}


def test_a_model_by_a_name_that_there_is_not_is_made(experiment_id: str, client: TrackingClient) -> None:
    made = tracking.set_active_model(name="agent")
    again = tracking.set_active_model(name="agent")

    assert made.model_id == again.model_id
    assert client.get_logged_model(made.model_id).experiment_id == experiment_id
    assert made.tags["mlflow.model.isExternal"] == "true"


def test_an_active_model_that_makes_no_sense_is_refused_and_changes_nothing() -> None:
    active = tracking.set_active_model(name="agent")

    with pytest.raises(InvalidArgument, match="name or model_id"):
        tracking.set_active_model()
    with pytest.raises(InvalidArgument, match="does not match"):
        tracking.set_active_model(name="other", model_id=active.model_id)
    with pytest.raises(NotFound):
        tracking.set_active_model(model_id="m-" + "0" * 32)
    assert tracking.get_active_model_id() == active.model_id


def test_the_data_that_metrics_are_measured_on_is_recorded_as_read_once(client: TrackingClient) -> None:
    import numpy as np

    data = tracking.data.from_numpy(np.eye(2), name="eye")
    with tracking.start_run() as run:
        tracking.log_input(data, context="training")
        tracking.log_metric("a", 1, dataset=data)
        tracking.log_metrics({"b": 2}, dataset=tracking.data.from_numpy(np.ones(3), name="ones"))
        with pytest.raises(InvalidArgument, match="no data set"):
            tracking.log_metric("c", 3, dataset="a path")

    read = client.get_run(run.info.run_id)
    assert {item.dataset.name: [tag.value for tag in item.tags] for item in read.inputs.dataset_inputs} == {
        "eye": ["training"],
        "ones": [],
    }
    assert set(read.data.metrics) == {"a", "b"}
