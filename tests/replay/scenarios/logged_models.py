"""Logged models: their life, parameters, tags, metrics, files and searches."""

from __future__ import annotations

from typing import Any

from tests.replay.record import Speaker

FILTERS = [
    "",
    "name = 'one'",
    "name != 'one'",
    "name LIKE 'o%'",
    "name LIKE 'O%'",
    "name ILIKE 'O%'",
    "name IN ('one', 'two')",
    "name NOT IN ('one')",
    "name > 'a'",
    "name = 5",
    "attributes.name = 'one'",
    "attribute.name = 'one'",
    "`name` = 'one'",
    "model_id = 'm-1'",
    "model_id IN ('m-1')",
    "model_id != 'm-1'",
    "model_type = 'tree'",
    "model_type = ''",
    "model_type LIKE '%'",
    "status = 'READY'",
    "status = 'PENDING'",
    "status = 'LOGGED_MODEL_READY'",
    "status != 'READY'",
    "status = 'nothing'",
    "source_run_id = 'x'",
    "source_run_id != 'x'",
    "experiment_id = '1'",
    "experiment_id = 1",
    "creation_timestamp > 0",
    "creation_timestamp_ms > 0",
    "creation_time > 0",
    "creation_timestamp < 5",
    "creation_timestamp = 'x'",
    "last_updated_timestamp > 0",
    "last_updated_timestamp_ms > 0",
    "lifecycle_stage = 'active'",
    "artifact_location = 'x'",
    "metrics.loss > 0.15",
    "metrics.loss < 0.15",
    "metrics.loss = 0.2",
    "metrics.loss != 0.2",
    "metrics.loss >= 0.2 AND metrics.acc > 0",
    "metrics.nothing > 0",
    "metrics.`loss` > 0",
    "metrics.loss = 'x'",
    "metric.loss > 0.15",
    "params.p = '1'",
    "params.p != '1'",
    "params.p LIKE '%'",
    "params.p ILIKE '%'",
    "params.p > '0'",
    "params.p IS NULL",
    "params.p IS NOT NULL",
    "params.p IN ('1')",
    "params.nothing = '1'",
    "tags.t = 'x'",
    "tags.t != 'x'",
    "tags.t LIKE 'x%'",
    "tags.t IS NULL",
    "tags.t IS NOT NULL",
    "tags.t IN ('x')",
    "tags.`with space` = '1'",
    "name = 'one' AND tags.t = 'x'",
    "name = 'one' and tags.t = 'x'",
    "name = 'one' OR name = 'two'",
    "(name = 'one')",
    "nothing = 'x'",
    "nothing.x = 'x'",
    "name",
    "name =",
    "name = 'one",
    "dataset.name = 'd'",
]
ORDERS: list[Any] = [
    [],
    [{"field_name": "name"}],
    [{"field_name": "name", "ascending": False}],
    [{"field_name": "creation_timestamp"}],
    [{"field_name": "creation_timestamp_ms", "ascending": True}],
    [{"field_name": "creation_time", "ascending": False}],
    [{"field_name": "attributes.name"}],
    [{"field_name": "model_type"}, {"field_name": "name"}],
    [{"field_name": "status"}, {"field_name": "name"}],
    [{"field_name": "source_run_id"}, {"field_name": "name"}],
    [{"field_name": "metrics.loss"}],
    [{"field_name": "metrics.loss", "ascending": False}],
    [{"field_name": "metrics.loss", "ascending": True, "dataset_name": "d1"}],
    [{"field_name": "metrics.loss", "ascending": False, "dataset_name": "d1", "dataset_digest": "x"}],
    [{"field_name": "metrics.loss", "dataset_digest": "x"}],
    [{"field_name": "metrics.nothing"}],
    [{"field_name": "metrics.acc"}, {"field_name": "name"}],
    [{"field_name": "params.p"}],
    [{"field_name": "tags.t"}],
    [{"field_name": "nothing"}],
    [{"field_name": "name", "dataset_name": "d1"}],
    [{"ascending": True}],
    [{"field_name": ""}],
    [{"field_name": "name DESC"}],
    [{"field_name": "name"}, {"field_name": "name"}],
    ["name"],
]


def conversation(server: Speaker) -> None:
    _life(server)
    _filling(server)
    _files(server)
    _searching(server)


def _making(server: Speaker, say: str = "", /, **body: Any) -> Any:
    return server.post("logged-models", {"experiment_id": "0", **body}, say=say)


def _life(server: Speaker) -> None:
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "source"})["run"][
        "info"
    ]["run_id"]
    texts = [{"key": "b", "value": "1"}, {"key": "a", "value": ""}, {"key": "c"}]
    made = _making(server, name="whole", model_type="tree", source_run_id=run, params=texts, tags=texts)
    model = made["model"]["info"]["model_id"]
    _making(server, "the least")
    _making(server, "a name that is taken", name="whole")
    _making(server, "empty name", name="")
    _making(server, "null name", name=None)
    _making(server, "no such run", name="x", source_run_id="nope")
    _making(server, "no such experiment", experiment_id="99", name="x")
    _making(server, "experiment is no number", experiment_id="abc", name="x")
    server.post("logged-models", {"name": "x"}, say="no experiment")
    for name in ("a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "a b", "a-b_c", "é", "x" * 500, "x" * 501):
        _making(server, "name", name=name)
    _making(server, "param twice", name="x", params=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])
    _making(server, "tag twice", name="x", tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])
    _making(server, "param without key", name="x", params=[{"value": "1"}])
    _making(server, "bad param key", name="x", params=[{"key": "a!", "value": "1"}])
    _making(server, "bad tag key", name="x", tags=[{"key": "a!", "value": "1"}])
    _making(server, "long param", name="long", params=[{"key": "a", "value": "v" * 6001}])
    server.get(f"logged-models/{model}")
    server.get("logged-models/m-nothing", say="not there")
    for status in (
        "LOGGED_MODEL_READY",
        "LOGGED_MODEL_UPLOAD_FAILED",
        "LOGGED_MODEL_PENDING",
        2,
        "2",
        "READY",
        "LOGGED_MODEL_STATUS_UNSPECIFIED",
        "",
        None,
        9,
    ):
        server.call("PATCH", f"logged-models/{model}", {"model_id": model, "status": status}, say="finish")
    server.call("PATCH", f"logged-models/{model}", {}, say="no status")
    server.call(
        "PATCH",
        "logged-models/m-nothing",
        {"model_id": "m-nothing", "status": "LOGGED_MODEL_READY"},
        say="not there",
    )
    server.call(
        "PATCH", f"logged-models/{model}", {"status": "LOGGED_MODEL_READY"}, say="no id but in the path"
    )
    server.call("DELETE", f"logged-models/{model}")
    server.get(f"logged-models/{model}", say="deleted")
    server.get(f"logged-models/{model}", {"allow_deleted": "true"}, say="deleted, asked for")
    server.get(f"logged-models/{model}", {"allow_deleted": "True"}, say="deleted, asked for")
    server.get(f"logged-models/{model}", {"allow_deleted": "false"}, say="deleted")
    server.get(f"logged-models/{model}", {"allow_deleted": "1"}, say="not a boolean")
    server.call("DELETE", f"logged-models/{model}", say="twice")
    server.call("DELETE", "logged-models/m-nothing", say="not there")
    server.call(
        "PATCH",
        f"logged-models/{model}",
        {"model_id": model, "status": "LOGGED_MODEL_READY"},
        say="finish a deleted one",
    )
    server.call(
        "PATCH", f"logged-models/{model}/tags", {"tags": [{"key": "a", "value": "b"}]}, say="of a deleted one"
    )


def _filling(server: Speaker) -> None:
    model = _making(server, name="filled")["model"]["info"]["model_id"]
    one = f"logged-models/{model}"

    scrap = _making(server, name="for what MLflow takes")["model"]["info"]["model_id"]

    def tag(say: str, tags: Any, to: str = model) -> None:
        server.call("PATCH", f"logged-models/{to}/tags", {"model_id": to, "tags": tags}, say=say)

    tag("two", [{"key": "a", "value": "1"}, {"key": "b/c", "value": "2"}])
    tag("overwritten", [{"key": "a", "value": "3"}])
    tag("no value", [{"key": "none"}])
    tag("no key", [{"value": "3"}], scrap)
    tag("bad key", [{"key": "a!", "value": "3"}])
    tag("long key", [{"key": "k" * 251, "value": "3"}], scrap)
    tag("none", [])
    tag("null", None)
    server.call(
        "PATCH", "logged-models/m-nothing/tags", {"tags": [{"key": "a", "value": "1"}]}, say="not there"
    )
    server.get(one)
    server.call("DELETE", f"{one}/tags/a")
    server.call("DELETE", f"{one}/tags/a", say="twice")
    tag("a key with a slash", [{"key": "b/c", "value": "2"}], scrap)
    server.call("DELETE", f"logged-models/{scrap}/tags/b%2Fc", say="slash in a key")
    server.call("DELETE", "logged-models/m-nothing/tags/a", say="not there")

    def param(say: str, params: Any, to: str = model) -> None:
        server.post(f"logged-models/{to}/params", {"model_id": to, "params": params}, say=say)

    param("two", [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    param("the same again", [{"key": "a", "value": "1"}])
    param("another value", [{"key": "a", "value": "9"}])
    param("no key", [{"value": "3"}], scrap)
    param("no value", [{"key": "none"}])
    param("bad key", [{"key": "a!", "value": "3"}])
    param("twice", [{"key": "tw", "value": "3"}, {"key": "tw", "value": "3"}], scrap)
    param("long", [{"key": "long", "value": "v" * 6001}])
    param("none", [])
    server.post("logged-models/m-nothing/params", {"params": [{"key": "a", "value": "1"}]}, say="not there")
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "measuring"})["run"][
        "info"
    ]["run_id"]
    point = {
        "run_id": run,
        "model_id": model,
        "key": "loss",
        "timestamp": 1,
    }  # each at its own step: MLflow drops others
    server.post("runs/log-metric", {**point, "step": 2, "value": 0.5})
    server.post(
        "runs/log-metric", {**point, "value": 1, "step": 4, "dataset_name": "d", "dataset_digest": "x"}
    )
    server.post("runs/log-metric", {**point, "value": "Infinity", "step": 1, "key": "inf"})
    batch = [{"key": key, "value": 0.5, "timestamp": 2, "step": 3, "model_id": model} for key in ("a", "b")]
    server.post("runs/log-batch", {"run_id": run, "metrics": batch})
    server.get(one)
    for step, value in ((5, 0.5), (7, 0.4), (6, 0.3)):
        server.post("runs/log-metric", {**point, "step": step, "value": value})
    server.post("runs/log-metric", {**point, "value": "NaN", "step": 1, "key": "nan"})
    server.get(one, say="several points of one metric")
    server.get("runs/get", {"run_id": run})
    server.get("metrics/get-history", {"run_id": run, "metric_key": "loss"})


def _files(server: Speaker) -> None:
    model = _making(server, name="files")["model"]["info"]["model_id"]
    one = f"logged-models/{model}"
    server.get(f"{one}/artifacts/directories", say="nothing yet")
    for path in ("MLmodel", "deep/x.bin"):
        server.raw("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/models/{model}/artifacts/{path}", "abc", {})
    server.get(f"{one}/artifacts/directories")
    server.get(f"{one}/artifacts/directories", {"artifact_directory_path": "deep"})
    server.get(f"{one}/artifacts/directories", {"artifact_directory_path": "nothing"})
    server.get(f"{one}/artifacts/directories", {"artifact_directory_path": "../x"}, say="outside")
    server.get("logged-models/m-nothing/artifacts/directories", say="not there")
    files = f"/ajax-api/2.0/mlflow/{one}/artifacts/files"
    server.get(files, {"artifact_file_path": "MLmodel"})
    server.get(files, {"artifact_file_path": "nothing"}, say="not there")
    server.get(files, {"artifact_file_path": "../MLmodel"}, say="outside")
    server.get(files, say="no path")


def _searching(server: Speaker) -> None:
    experiment = server.post("experiments/create", {"name": "models"})["experiment_id"]
    run = server.post("runs/create", {"experiment_id": experiment, "start_time": 1, "run_name": "maker"})[
        "run"
    ]["info"]["run_id"]
    made = []
    for dataset in ("d1", "d2"):
        read = {"name": dataset, "digest": "x", "source_type": "local", "source": "s"}
        server.post("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": read}]})
    for number, name in enumerate(("one", "two", "three")):
        body: dict[str, Any] = {
            "experiment_id": experiment,
            "name": name,
            "params": [{"key": "p", "value": str(number)}],
        }
        if number:
            body |= {
                "source_run_id": run,
                "model_type": "tree",
                "tags": [{"key": "t", "value": "x" * number}],
            }
        model = server.post("logged-models", body)["model"]["info"]["model_id"]
        made.append(model)
        for key, value, measured in (
            ("loss", 0.1 * (number + 1), None),
            ("loss", 0.9 - number / 10, "d1"),
            ("acc", 1, "d2"),
        ):
            point = {
                "run_id": run,
                "model_id": model,
                "key": key,
                "value": value,
                "timestamp": len(str(measured)),
                "step": number,
            }
            if number == 2 and measured == "d2":
                continue
            server.post(
                "runs/log-metric",
                {**point, **({"dataset_name": measured, "dataset_digest": "x"} if measured else {})},
            )
    server.call("PATCH", f"logged-models/{made[1]}", {"model_id": made[1], "status": "LOGGED_MODEL_READY"})

    def find(say: str = "", /, **body: Any) -> Any:
        return server.post("logged-models/search", {"experiment_ids": [experiment], **body}, say=say)

    for text in FILTERS:
        find(filter=text)
    find(filter=f"model_id = '{made[0]}'")
    find(filter=f"source_run_id = '{run}'")
    find(filter=f"model_id IN ('{made[0]}', '{made[1]}')")
    for order in ORDERS:
        find("order", order_by=order)
    choices: tuple[list[dict[str, str]], ...] = (
        [{"dataset_name": "d1"}],
        [{"dataset_name": "d1", "dataset_digest": "x"}],
        [{"dataset_name": "d1", "dataset_digest": "y"}],
        [{"dataset_name": "d1"}, {"dataset_name": "d2"}],
        [{"dataset_digest": "x"}],
        [{}],
    )
    for datasets in choices:
        find("datasets", filter="metrics.loss > 0.75", datasets=datasets)
        find("datasets without filter", datasets=datasets)
    find("datasets and order", datasets=[{"dataset_name": "d1"}], order_by=[{"field_name": "metrics.loss"}])
    order = [{"field_name": "name", "ascending": True}]
    page = find("page", max_results=2, order_by=order)
    find("next page", max_results=2, order_by=order, page_token=page["next_page_token"])
    find("another order with its token", max_results=2, page_token=page["next_page_token"])
    find(
        "another filter with its token",
        max_results=2,
        order_by=order,
        filter="name = 'one'",
        page_token=page["next_page_token"],
    )
    find("unknown token", page_token="nonsense")
    find("none", max_results=0)
    find("negative", max_results=-1)
    find("many", max_results=101)
    find("the most", max_results=100)
    find("no experiments", experiment_ids=[])
    find("no such experiment", experiment_ids=["99"])
    find("no number", experiment_ids=["abc"])
    find("numbers", experiment_ids=[int(experiment)])
    server.post("logged-models/search", {}, say="nothing")
    server.call("DELETE", f"logged-models/{made[0]}")
    find("one is deleted", order_by=order)
