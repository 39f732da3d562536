"""The endpoints of logged models."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import func, select

from tracking_server.gc import rows
from tracking_server.store import runs
from tracking_server.store.schema import logged_model_points


def create(api: Any, **body: Any) -> Any:
    return api.post("logged-models", **{"experiment_id": "0", **body})["model"]


def patch(api: Any, path: str, **body: Any) -> Any:
    reply = api.http.patch(f"/api/2.0/mlflow/logged-models/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def found(api: Any, filter: str = "", **body: Any) -> list[str]:
    reply = api.post("logged-models/search", **{"experiment_ids": ["0"], "filter": filter, **body})
    return [model["info"]["name"] for model in reply.get("models", [])]


def test_a_model_is_made_filled_and_finished(api: Any) -> None:
    run_id = api.run()
    model = create(
        api,
        name="model",
        source_run_id=run_id,
        params=[{"key": "alpha", "value": "1.0"}],
        tags=[{"key": "k", "value": "v"}],
    )
    model_id = model["info"]["model_id"]

    finished = patch(api, model_id, status="LOGGED_MODEL_READY")["model"]

    assert re.fullmatch(r"m-[0-9a-f]{32}", model_id)
    assert model["info"]["status"] == "LOGGED_MODEL_PENDING"
    assert model["info"]["artifact_uri"] == f"mlflow-artifacts:/0/models/{model_id}/artifacts"
    assert model["data"] == {"params": [{"key": "alpha", "value": "1.0"}]}
    assert finished["info"]["status"] == "LOGGED_MODEL_READY"
    assert api.get(f"logged-models/{model_id}")["model"] == finished


def test_outputs_and_inputs_tie_models_to_runs(api: Any) -> None:
    run_id = api.run()
    model_id = create(api)["info"]["model_id"]

    for _ in range(2):
        api.post("runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": 3}])
        api.post("runs/log-inputs", run_id=run_id, models=[{"model_id": model_id}])

    run = api.whole_run(run_id)
    assert run["outputs"] == {"model_outputs": [{"model_id": model_id, "step": 3}]}
    assert run["inputs"] == {"model_inputs": [{"model_id": model_id}]}


def test_metrics_logged_for_a_model_are_the_models(api: Any) -> None:
    run_id = api.run()
    model_id = create(api)["info"]["model_id"]
    on_wine = {"key": "loss", "model_id": model_id, "dataset_name": "wine", "dataset_digest": "d"}
    points = [
        {**on_wine, "value": value, "timestamp": 1, "step": step} for step, value in ((1, 0.5), (2, 0.4))
    ]
    for point in points:
        api.post("runs/log-metric", run_id=run_id, **point)

    assert api.get(f"logged-models/{model_id}")["model"]["data"]["metrics"] == [
        {**point, "run_id": run_id} for point in points
    ]


def points_of(api: Any, model_id: str) -> list[Any]:
    metrics = api.get(f"logged-models/{model_id}")["model"]["data"].get("metrics", [])
    fields = ("key", "value", "timestamp", "step", "dataset_name")
    return [tuple(metric.get(field) for field in fields if field in metric) for metric in metrics]


def test_a_model_has_every_point_that_was_logged_for_it_once(api: Any) -> None:
    model_id = create(api)["info"]["model_id"]
    points = [
        {"key": "acc", "value": step / 4, "timestamp": 9 - step, "step": step, "model_id": model_id}
        for step in range(5)
    ]
    first, second = api.run(), api.run()
    for _ in range(2):
        api.post("runs/log-batch", run_id=first, metrics=points)
    api.post("runs/log-batch", run_id=second, metrics=points[:1])

    expected = [("acc", step / 4, 9 - step, step) for step in reversed(range(5))]
    assert points_of(api, model_id) == [*expected, ("acc", 0.0, 9, 0)]
    (model,) = api.post("logged-models/search", experiment_ids=["0"])["models"]
    assert len(model["data"]["metrics"]) == 6


def test_points_that_differ_in_value_or_dataset_alone_are_several(api: Any) -> None:
    model_id, run_id = create(api)["info"]["model_id"], api.run()
    point = {"key": "acc", "timestamp": 1, "step": 1, "model_id": model_id}
    values: list[Any] = [0.5, "NaN", "Infinity", 0.25]
    api.post("runs/log-batch", run_id=run_id, metrics=[{**point, "value": value} for value in values])
    api.post("runs/log-metric", run_id=run_id, value=0.5, dataset_name="wine", **point)

    assert points_of(api, model_id) == [
        ("acc", "NaN", 1, 1),
        ("acc", 0.25, 1, 1),
        ("acc", 0.5, 1, 1),
        ("acc", 1.7976931348623157e308, 1, 1),
        ("acc", 0.5, 1, 1, "wine"),
    ]


def test_a_point_for_an_unknown_model_is_refused_with_all_others(api: Any) -> None:
    model_id, run_id = create(api)["info"]["model_id"], api.run()
    points = [
        {"key": "acc", "value": 1, "timestamp": 1, "model_id": named} for named in (model_id, "m-nothing")
    ]

    refused = api.refused("POST", "runs/log-batch", run_id=run_id, metrics=points)

    assert refused == (404, "RESOURCE_DOES_NOT_EXIST", "Logged model with ID 'm-nothing' not found.")
    assert points_of(api, model_id) == []


def measured(api: Any, name: str, run_id: str, *points: tuple[Any, int, str]) -> None:
    """Make a model with points of the metric acc: value, timestamp, dataset."""
    model_id = create(api, name=name)["info"]["model_id"]
    api.post(
        "runs/log-batch",
        run_id=run_id,
        metrics=[
            {"key": "acc", "value": value, "timestamp": timestamp, "model_id": model_id}
            | {"dataset_name": dataset, "dataset_digest": "d"}
            for value, timestamp, dataset in points
        ],
    )


def paged(api: Any, *, ascending: bool) -> list[list[str]]:
    """The names on each page by the metric acc."""
    order = [{"field_name": "metrics.acc", "ascending": ascending}]
    body: dict[str, Any] = {"experiment_ids": ["0"], "order_by": order, "max_results": 2}
    pages = []
    while body.get("page_token") != "":
        reply = api.post("logged-models/search", **body)
        pages.append([model["info"]["name"] for model in reply["models"]])
        body["page_token"] = reply.get("next_page_token", "")
    return pages


def test_any_point_passes_a_filter_and_the_latest_decides_the_order(api: Any) -> None:
    run_id = api.run()
    measured(api, "rising", run_id, (0.1, 1, "wine"), (0.9, 2, "wine"))
    measured(api, "falling", run_id, (0.8, 1, "wine"), (0.2, 2, "beer"))
    measured(api, "failed", run_id, (0.7, 1, "wine"), ("NaN", 2, "wine"))
    measured(api, "equal", run_id, (0.9, 1, "wine"))
    create(api, name="new")
    by_metric = {"field_name": "metrics.acc", "ascending": False}

    assert paged(api, ascending=True) == [["falling", "equal"], ["rising", "new"], ["failed"]]
    assert paged(api, ascending=False) == [["equal", "rising"], ["falling", "new"], ["failed"]]
    assert found(api, "metrics.acc < 0.15") == ["rising"]
    assert found(api, "metrics.acc > 0.75", order_by=[by_metric]) == ["equal", "rising", "falling"]
    assert found(api, "metrics.acc = 0.7") == ["failed"]
    assert found(api, "metrics.acc = 0.5") == []
    assert found(api, "metrics.acc != 0.9") == ["failed", "falling", "rising"]
    on_wine = [{**by_metric, "dataset_name": "wine"}]
    assert found(api, order_by=on_wine)[:3] == ["equal", "rising", "falling"]
    assert found(api, "metrics.acc < 0.5", datasets=[{"dataset_name": "wine"}]) == ["rising"]
    assert found(api, datasets=[{"dataset_name": "beer"}], order_by=[by_metric]) == ["falling"]


def test_points_go_with_the_run_that_is_collected_and_the_latest_of_the_others_decides(api: Any) -> None:
    old, new = api.run(), api.run()
    names = {}
    for name, values in (("first", (0.1, 0.9)), ("second", (0.5, 0.4))):
        names[name] = create(api, name=name)["info"]["model_id"]
        for timestamp, (run_id, value) in enumerate(zip((old, new), values, strict=True)):
            point = {"key": "acc", "value": value, "timestamp": timestamp, "model_id": names[name]}
            api.post("runs/log-metric", run_id=run_id, **point)
    assert paged(api, ascending=True) == [["second", "first"]]
    database = api.application.database
    row_id = database.read_now(lambda connection: runs.find(connection, new).id)

    database.write_and_wait(lambda connection: rows.remove_run(connection, row_id))

    assert paged(api, ascending=True) == [["first", "second"]]
    assert [points_of(api, model_id) for model_id in names.values()] == [
        [("acc", 0.1, 0, 0)],
        [("acc", 0.5, 0, 0)],
    ]
    left = select(func.count()).select_from(logged_model_points)
    assert database.read_now(lambda connection: connection.execute(left).scalar()) == 2


def test_points_of_one_model_logged_at_the_same_time_are_all_kept(api: Any) -> None:
    model_id = create(api)["info"]["model_id"]
    run_id = api.run()

    def log(number: int) -> None:
        points = [
            {"key": "acc", "value": number * 10 + i, "timestamp": number, "step": i, "model_id": model_id}
            for i in range(10)
        ]
        api.post("runs/log-batch", run_id=run_id, metrics=points)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log, range(8)))

    assert len(points_of(api, model_id)) == 80
    assert len(found(api, "metrics.acc >= 79 AND metrics.acc <= 0")) == 1


def test_tags_and_params(api: Any) -> None:
    model_id = create(api)["info"]["model_id"]
    patch(api, f"{model_id}/tags", tags=[{"key": "a/b", "value": "1"}, {"key": "c", "value": "2"}])
    api.post(f"logged-models/{model_id}/params", params=[{"key": "p", "value": "3"}])

    assert api.http.delete(f"/api/2.0/mlflow/logged-models/{model_id}/tags/a/b").json() == {}

    model = api.get(f"logged-models/{model_id}")["model"]
    assert model["info"]["tags"] == [{"key": "c", "value": "2"}]
    assert model["data"]["params"] == [{"key": "p", "value": "3"}]
    assert api.http.delete(f"/api/2.0/mlflow/logged-models/{model_id}/tags/a/b").status_code == 404


def test_deleted_models_are_gone_unless_asked_for(api: Any) -> None:
    model_id = create(api, name="gone")["info"]["model_id"]

    assert api.http.delete(f"/api/2.0/mlflow/logged-models/{model_id}").json() == {}

    assert api.refused("GET", f"logged-models/{model_id}") == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        f"Logged model with ID '{model_id}' not found.",
    )
    assert api.get(f"logged-models/{model_id}", allow_deleted="true")["model"]["info"]["name"] == "gone"
    assert found(api) == []


def test_search(api: Any) -> None:
    run_id = api.run()
    for name, loss in (("one", 0.1), ("two", 0.2), ("three", 0.3)):
        model_id = create(api, name=name, params=[{"key": "p", "value": name}])["info"]["model_id"]
        api.post("runs/log-metric", run_id=run_id, key="loss", value=loss, timestamp=1, model_id=model_id)

    assert found(api, "name = 'two'") == ["two"]
    assert found(api, "metrics.loss > 0.15 AND params.p != 'three'") == ["two"]
    assert found(api, "status = 'LOGGED_MODEL_PENDING' AND name LIKE 't%'") == ["three", "two"]
    order = [{"field_name": "metrics.loss", "ascending": True}]
    assert found(api, order_by=order) == ["one", "two", "three"]
    page = api.post("logged-models/search", experiment_ids=["0"], order_by=order, max_results=2)
    token = page["next_page_token"]
    assert found(api, order_by=order, max_results=2, page_token=token) == ["three"]
    assert found(api, "metrics.loss > 0", datasets=[{"dataset_name": "wine"}]) == []


def test_bad_names_and_states_are_refused(api: Any) -> None:
    for name in ("a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"):
        assert api.refused("POST", "logged-models", experiment_id="0", name=name)[0] == 400
    model_id = create(api)["info"]["model_id"]
    assert api.refused("PATCH", f"logged-models/{model_id}", status="DONE")[0] == 400


def test_a_models_files_are_listed_and_downloaded(api: Any) -> None:
    model_id = create(api)["info"]["model_id"]
    api.http.put(
        f"/api/2.0/mlflow-artifacts/artifacts/0/models/{model_id}/artifacts/MLmodel", content=b"flavors: {}"
    )

    listed = api.get(f"logged-models/{model_id}/artifacts/directories")
    url = f"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files"

    assert listed["files"] == [{"path": "MLmodel", "is_dir": False, "file_size": 11}]
    assert api.http.get(url, params={"artifact_file_path": "MLmodel"}).content == b"flavors: {}"
    assert api.http.get(url, params={"artifact_file_path": "../MLmodel"}).status_code == 400
