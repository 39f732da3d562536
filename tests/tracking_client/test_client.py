"""The client's calls, against a real server."""

from __future__ import annotations

import math
import threading

import pytest

from tests.tracking_client.proxy import Proxy
from tracking_client.client import TrackingClient
from tracking_client.errors import AlreadyExists, InvalidArgument, NotFound
from tracking_client.local_server import LocalServer
from tracking_client.wire.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType


def test_a_run_is_created_logged_to_found_and_ended(client: TrackingClient, experiment_id: str) -> None:
    run = client.create_run(experiment_id, tags={"mlflow.user": "me", "a": "b"}, run_name="first")
    run_id = run.info.run_id
    assert (run.info.status, run.info.run_name, run.info.user_id) == ("RUNNING", "first", "me")
    client.log_param(run_id, "lr", 0.1)
    client.log_metric(run_id, "loss", 2, step=1)
    client.set_tag(run_id, "note", 3)
    client.delete_tag(run_id, "a")
    client.set_terminated(run_id, "FAILED")
    after = client.get_run(run_id)
    assert (after.info.status, after.data.params, after.data.metrics) == (
        "FAILED",
        {"lr": "0.1"},
        {"loss": 2.0},
    )
    assert after.data.tags["note"] == "3"
    assert "a" not in after.data.tags
    assert after.info.end_time is not None
    assert after.info.start_time is not None
    assert after.info.end_time >= after.info.start_time


def test_a_batch_of_any_size_is_logged(client: TrackingClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("loss", float(step), 1000 + step, step) for step in range(2345)],
        params=[Param(f"p{index}", str(index)) for index in range(234)],
        tags=[RunTag(f"t{index}", str(index)) for index in range(123)],
    )
    run = client.get_run(run_id)
    assert len(run.data.params) == 234
    assert len([name for name in run.data.tags if name.startswith("t")]) >= 123
    assert [metric.step for metric in client.get_metric_history(run_id, "loss")] == list(range(2345))


def test_a_run_is_made_with_as_many_params_as_a_request_holds(
    client: TrackingClient, experiment_id: str
) -> None:
    params = [Param(f"p{number}", str(number)) for number in range(101)]
    made = client.create_run(experiment_id, params=params)
    assert made.data.params == {param.key: param.value for param in params[:100]}
    assert client.get_run(made.info.run_id).data.params == made.data.params

    with pytest.raises(InvalidArgument):
        client.create_run(experiment_id, params=[Param("a//b", "1")])
    with pytest.raises(InvalidArgument, match="Duplicate"):
        client.create_run(experiment_id, params=[Param("a", "1"), Param("a", "2")])
    assert [run.info.run_id for run in client.find_runs([experiment_id])] == [made.info.run_id]


def test_numbers_that_are_not_finite_arrive(client: TrackingClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_metric(run_id, "nan", math.nan)
    client.log_metric(run_id, "inf", math.inf)
    metrics = client.get_run(run_id).data.metrics
    assert math.isnan(metrics["nan"])
    assert metrics["inf"] > 1e308


def test_a_parameter_keeps_its_first_value(client: TrackingClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_param(run_id, "lr", 1)
    client.log_param(run_id, "lr", 1)
    with pytest.raises(InvalidArgument, match="Changing param values is not allowed"):
        client.log_param(run_id, "lr", 2)


def test_data_sets_are_recorded(client: TrackingClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    given = DatasetInput(
        dataset=Dataset(name="wine", digest="abc", source_type="local", source='{"uri": "x"}', schema="{}"),
        tags=(InputTag("mlflow.data.context", "training"),),
    )
    client.log_inputs(run_id, [given])
    assert client.get_run(run_id).inputs.dataset_inputs == (given,)


def test_search_goes_through_all_pages(client: TrackingClient, experiment_id: str) -> None:
    made = {client.create_run(experiment_id, tags={"n": str(index)}).info.run_id for index in range(7)}
    page = client.search_runs([experiment_id], max_results=3)
    assert len(page) == 3
    assert page.token is not None
    second = client.search_runs([experiment_id], max_results=3, page_token=page.token)
    assert not {run.info.run_id for run in page} & {run.info.run_id for run in second}
    assert {run.info.run_id for run in client.find_runs([experiment_id])} == made
    assert len(list(client.find_runs([experiment_id], max_results=5))) == 5
    assert [run.data.tags["n"] for run in client.find_runs([experiment_id], "tags.n = '4'")] == ["4"]


def test_runs_and_experiments_go_to_the_bin_and_back(client: TrackingClient, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.delete_run(run_id)
    assert list(client.find_runs([experiment_id])) == []
    assert len(list(client.find_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY))) == 1
    client.restore_run(run_id)
    assert len(list(client.find_runs([experiment_id]))) == 1
    name = client.get_experiment(experiment_id).name
    client.delete_experiment(experiment_id)
    with pytest.raises(InvalidArgument, match="Cannot set a deleted experiment"):
        client.ensure_experiment(name)
    client.restore_experiment(experiment_id)
    assert client.ensure_experiment(name).experiment_id == experiment_id


def test_experiments_are_named_tagged_and_found(client: TrackingClient, experiment_id: str) -> None:
    client.rename_experiment(experiment_id, f"renamed {experiment_id}")
    client.set_experiment_tag(experiment_id, "team", "blue")
    found = client.get_experiment_by_name(f"renamed {experiment_id}")
    assert found is not None
    assert (found.experiment_id, found.tags["team"]) == (experiment_id, "blue")
    client.delete_experiment_tag(experiment_id, "team")
    assert "team" not in client.get_experiment(experiment_id).tags
    listed = client.find_experiments(filter_string=f"name = 'renamed {experiment_id}'")
    assert [experiment.experiment_id for experiment in listed] == [experiment_id]
    with pytest.raises(AlreadyExists):
        client.create_experiment(found.name)
    assert client.get_experiment_by_name("there is no such experiment") is None


def test_what_is_not_there_is_not_found(client: TrackingClient) -> None:
    with pytest.raises(NotFound):
        client.get_run("0" * 32)
    with pytest.raises(NotFound):
        client.get_experiment("123456789")
    with pytest.raises(InvalidArgument, match="Invalid run ID"):
        client.get_run("../../etc")


def test_a_state_that_does_not_exist_is_refused_here(client: TrackingClient) -> None:
    with pytest.raises(InvalidArgument, match="known: RUNNING"):
        client.set_terminated("0" * 32, "DONE")


def test_many_that_create_one_experiment_at_once_get_the_same(client: TrackingClient) -> None:
    name, ids, barrier = "created by eight", [], threading.Barrier(8)

    def create() -> None:
        barrier.wait()
        ids.append(client.ensure_experiment(name).experiment_id)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_a_lost_answer_makes_no_second_run(through: TrackingClient, proxy: Proxy, experiment_id: str) -> None:
    proxy.plan = ["lose", "lose"]
    run = through.create_run(experiment_id)
    assert proxy.paths() == ["POST /api/2.0/mlflow/runs/create"] * 3
    assert [found.info.run_id for found in through.find_runs([experiment_id])] == [run.info.run_id]


def test_a_lost_answer_makes_no_second_value(
    through: TrackingClient, proxy: Proxy, experiment_id: str
) -> None:
    run_id = through.create_run(experiment_id).info.run_id
    proxy.plan = ["lose", "refuse", (503, {}, b""), "lose"]
    through.log_metric(run_id, "loss", 1.5, step=3)
    through.log_param(run_id, "lr", 1)
    assert len(through.get_metric_history(run_id, "loss")) == 1


def test_a_lost_answer_does_not_turn_success_into_failure(
    through: TrackingClient, proxy: Proxy, experiment_id: str
) -> None:
    proxy.plan = ["lose"]
    made = through.create_experiment(f"{experiment_id} made once")
    assert through.get_experiment(made).name == f"{experiment_id} made once"
    run_id = through.create_run(experiment_id, tags={"k": "v"}).info.run_id
    proxy.plan = ["lose"]
    through.delete_tag(run_id, "k")
    proxy.plan = ["lose"]
    through.set_terminated(run_id)
    proxy.plan = ["lose"]
    through.delete_run(run_id)
    assert through.get_run(run_id).info.lifecycle_stage == "deleted"


def test_a_child_gets_an_address_that_any_client_understands(
    client: TrackingClient, server: LocalServer, experiment_id: str
) -> None:
    run = client.create_run(experiment_id)
    context = client.run_context(run)
    assert (context.tracking_uri, context.token) == (server.url, server.token)
    assert context.run_id == context.launched_run_id == run.info.run_id
    assert context.experiment_id == experiment_id
