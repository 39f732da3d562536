"""Runs, experiments and their data through MLflow's own client."""

from __future__ import annotations

import math
import os
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType

from tests.mlflow_compat.refusals import refused


def logging_and_reading_back(client: Any) -> None:
    with mlflow.start_run(run_name="parent", tags={"given": "1"}, description="words") as parent:
        mlflow.log_params({"lr": 0.1, "layers": "2"})
        mlflow.log_param("single", None)
        mlflow.log_metric("loss", 1.5, step=1)
        mlflow.log_metrics({"acc": 0.5, "bad": math.nan, "up": math.inf}, step=2)
        mlflow.set_tags({"a": "1", "b": "2"})
        mlflow.set_tag("c", "3")
        mlflow.delete_tag("b")
        assert mlflow.active_run().info.run_id == parent.info.run_id
        assert mlflow.get_artifact_uri() == parent.info.artifact_uri
        with mlflow.start_run(nested=True) as child:
            pass
    run = mlflow.get_run(parent.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1", "layers": "2", "single": "None"}
    assert math.isnan(run.data.metrics["bad"])
    assert run.data.metrics["up"] == 1.7976931348623157e308
    assert run.data.tags["mlflow.note.content"] == "words"
    assert "b" not in run.data.tags
    assert mlflow.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id
    assert client.get_parent_run(parent.info.run_id) is None
    assert mlflow.last_active_run().info.run_id in (parent.info.run_id, child.info.run_id)


def asynchronous_logging(client: Any) -> None:
    with mlflow.start_run() as run:
        waiting: list[Any] = [
            mlflow.log_metric("loss", step / 10, step=step, synchronous=False) for step in range(30)
        ]
        waiting.append(mlflow.log_params({"p": 1}, synchronous=False))
        waiting.append(mlflow.set_tag("t", "1", synchronous=False))
        waiting[0].wait()
        mlflow.flush_async_logging()
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 30
    assert client.get_run(run.info.run_id).data.params == {"p": "1"}


def nesting_by_id_and_resuming(client: Any) -> None:
    with mlflow.start_run(run_name="outer") as outer:
        pass
    with mlflow.start_run(parent_run_id=outer.info.run_id, run_name="inner") as inner:
        pass
    with mlflow.start_run(run_id=outer.info.run_id):
        mlflow.log_metric("late", 1)
        mlflow.end_run("KILLED")
    assert client.get_run(outer.info.run_id).info.status == "KILLED"
    found = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{outer.info.run_id}'")
    assert list(found["run_id"]) == [inner.info.run_id]


def system_metrics(client: Any) -> None:
    mlflow.set_system_metrics_sampling_interval(0.05)
    mlflow.set_system_metrics_samples_before_logging(1)
    mlflow.set_system_metrics_node_id("node")
    mlflow.enable_system_metrics_logging()
    try:
        with mlflow.start_run(log_system_metrics=True) as run:
            until_logged = 200
            while until_logged and not any(
                key.startswith("system/") for key in client.get_run(run.info.run_id).data.metrics
            ):
                mlflow.log_metric("tick", until_logged)
                until_logged -= 1
    finally:
        mlflow.disable_system_metrics_logging()
    assert until_logged, "no system metric came"


def the_clients_own_calls(client: Any) -> None:
    experiment = client.create_experiment("by the client", tags={"team": "a"})
    run = client.create_run(experiment, start_time=1, tags={"a": "1"}, run_name="low level")
    run_id = run.info.run_id
    client.log_param(run_id, "p", 1)
    client.log_metric(run_id, "m", 1.0, timestamp=5, step=1)
    client.set_tag(run_id, "t", "1")
    client.delete_tag(run_id, "a")
    client.log_batch(
        run_id, [Metric("m", 2.0, 6, 2), Metric("n", 1, 6, 2)], [Param("q", "2")], [RunTag("u", "2")]
    )
    client.update_run(run_id, status="SCHEDULED", name="renamed")
    assert client.get_run(run_id).info.run_name == "renamed"
    client.set_terminated(run_id, "FAILED", end_time=10)
    ended = client.get_run(run_id)
    assert (ended.info.status, ended.info.end_time, ended.info.start_time) == ("FAILED", 10, 1)
    assert [(point.step, point.value) for point in client.get_metric_history(run_id, "m")] == [
        (1, 1.0),
        (2, 2.0),
    ]
    assert client.get_metric_history(run_id, "nothing") == []
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    client.restore_run(run_id)
    mlflow.delete_run(run_id)
    mlflow.restore_run(run_id)
    assert RunStatus.is_terminated(RunStatus.from_string(client.get_run(run_id).info.status))
    client.set_experiment_tag(experiment, "k", "v")
    client.delete_experiment_tag(experiment, "k")
    client.rename_experiment(experiment, "renamed by the client")
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    client.restore_experiment(experiment)
    assert client.get_experiment_by_name("renamed by the client").tags == {"team": "a"}


def many_points_in_pages(client: Any) -> None:
    run_id = client.create_run("0").info.run_id
    for start in range(0, 3000, 1000):
        client.log_batch(run_id, [Metric("m", step / 7, step, step) for step in range(start, start + 1000)])
    store = client._tracking_client.store
    page = store.get_metric_history(run_id, "m", max_results=1200)
    rest = store.get_metric_history(run_id, "m", max_results=2000, page_token=page.token)
    assert [point.step for point in [*page, *rest]] == list(range(3000))
    assert len(client.get_metric_history(run_id, "m")) == 3000
    sampled = store.get_metric_history_bulk_interval_from_steps(run_id, "m", [0, 5, 2999], 100)
    assert [point.step for point in sampled] == [0, 5, 2999]


def experiments(client: Any) -> None:
    experiment = mlflow.set_experiment("second")
    mlflow.set_experiment_tags({"team": "a", "level": 1})
    mlflow.set_experiment_tag("more", "x")
    mlflow.delete_experiment_tag("more")
    assert mlflow.get_experiment(experiment.experiment_id).tags == {"team": "a", "level": "1"}
    other = mlflow.create_experiment("third", artifact_location="s3://bucket/third", tags={"team": "b"})
    assert mlflow.get_experiment_by_name("third").artifact_location == "s3://bucket/third"
    found = mlflow.search_experiments(filter_string="tags.team LIKE '%'", order_by=["name DESC"])
    assert [each.name for each in found][:2] == ["third", "second"]
    page = client.search_experiments(max_results=1, order_by=["experiment_id"])
    assert len(page) == 1
    rest = client.search_experiments(max_results=100, order_by=["experiment_id"], page_token=page.token)
    assert {"second", "third"} <= {each.name for each in rest}
    mlflow.delete_experiment(other)
    assert client.search_experiments(view_type=ViewType.DELETED_ONLY)[0].name == "third"
    mlflow.restore_experiment(other)
    assert mlflow.set_experiment(experiment_id=experiment.experiment_id).name == "second"
    mlflow.set_experiment("the experiment")


def searches(client: Any) -> None:
    experiment = mlflow.set_experiment("searched")
    for number in range(5):
        with mlflow.start_run(run_name=f"run {number}"):
            mlflow.log_metric("loss", number / 10)
            mlflow.log_param("optimizer", "adam" if number % 2 else "sgd")
            mlflow.set_tag("n", number)
    frame = mlflow.search_runs(filter_string="metrics.loss > 0.05", order_by=["metrics.loss DESC"])
    assert list(frame["metrics.loss"]) == [0.4, 0.3, 0.2, 0.1]
    assert list(frame["params.optimizer"]) == ["sgd", "adam", "sgd", "adam"]
    listed = mlflow.search_runs(
        experiment_names=["searched"],
        filter_string="params.optimizer ILIKE 'A%' and tags.n != '3'",
        output_format="list",
    )
    assert [run.info.run_name for run in listed] == ["run 1"]
    seen: list[str] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment.experiment_id], order_by=["tags.n ASC"], max_results=2, page_token=token
        )
        seen += [run.info.run_name for run in page]
        token = page.token
        if not token:
            break
    assert seen == [f"run {number}" for number in range(5)]
    assert len(mlflow.search_runs(search_all_experiments=True, output_format="list")) >= 5
    assert "Invalid" in str(refused(lambda: mlflow.search_runs(filter_string="metrics.loss >")))
    mlflow.set_experiment("the experiment")


def errors_are_mlflows(client: Any) -> None:
    with mlflow.start_run() as run:
        mlflow.log_param("p", 1)
        changed = refused(lambda: mlflow.log_param("p", 2))
        named = refused(lambda: client.log_metric(run.info.run_id, "a!", 1))
    missing = refused(lambda: client.get_run("nope"))
    taken = refused(lambda: client.create_experiment("the experiment"))
    assert "Changing param values is not allowed" in str(changed)
    assert missing.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert taken.error_code == "RESOURCE_ALREADY_EXISTS"
    assert named.error_code == "INVALID_PARAMETER_VALUE"
    client.delete_run(run.info.run_id)
    assert "must be in the 'active' state" in str(refused(lambda: client.set_tag(run.info.run_id, "a", "b")))
    assert client.get_experiment_by_name("nothing of that name") is None


def tokens(client: Any) -> None:
    """The server demands a token; every other test sends it as a bearer's."""
    token = os.environ.pop("MLFLOW_TRACKING_TOKEN")
    password = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": token}
    try:
        assert "needs a token" in str(refused(lambda: client.get_experiment("0")))
        os.environ.update(password)
        assert client.get_experiment("0").name == "Default"
        with mlflow.start_run() as run:
            mlflow.log_text("secret", "a.txt")
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/a.txt") == "secret"
        os.environ["MLFLOW_TRACKING_PASSWORD"] = "wrong"
        assert refused(lambda: client.get_experiment("0"))
    finally:
        for name in password:
            os.environ.pop(name, None)
        os.environ["MLFLOW_TRACKING_TOKEN"] = token


TESTS = (
    logging_and_reading_back,
    asynchronous_logging,
    nesting_by_id_and_resuming,
    system_metrics,
    the_clients_own_calls,
    many_points_in_pages,
    experiments,
    searches,
    errors_are_mlflows,
    tokens,
)
