"""Parameters, tags, batches, datasets, inputs and outputs of runs."""

from __future__ import annotations

import json
from typing import Any

from tests.replay.record import Speaker


def conversation(server: Speaker) -> None:
    _params(server)
    _tags(server)
    _batch(server)
    _inputs(server)
    _outputs(server)
    _log_model(server)


def _run(server: Speaker, name: str, experiment: str = "0") -> str:
    made = server.post("runs/create", {"experiment_id": experiment, "start_time": 1, "run_name": name})
    return str(made["run"]["info"]["run_id"])


def _params(server: Speaker) -> None:
    run = _run(server, "params")

    def log(say: str = "", /, **body: Any) -> None:
        server.post("runs/log-parameter", {"run_id": run, **body}, say=say)

    log(key="p", value="1")
    log("the same again", key="p", value="1")
    log("another value", key="p", value="2")
    log("empty", key="empty", value="")
    log("no value", key="none")
    log("no value again", key="none")
    log("a number", key="n", value=5)
    log("a boolean", key="b", value=True)
    log("an object", key="o", value={"a": 1})
    log("no key", value="1")
    log("the longest value", key="longest", value="v" * 6000)
    log("longer than the longest", key="longer", value="v" * 6001)
    log("unicode", key="unicode", value="héllo 🎉\n\t\u2028")
    log("quotes", key="quotes", value="'\"`\\")
    server.post("runs/log-parameter", {"run_uuid": run, "key": "uuid", "value": "1"}, say="by run_uuid")
    server.get("runs/get", {"run_id": run})


def _tags(server: Speaker) -> None:
    run = _run(server, "tags")

    def tag(say: str = "", /, **body: Any) -> None:
        server.post("runs/set-tag", {"run_id": run, **body}, say=say)

    tag(key="t", value="1")
    tag("overwritten", key="t", value="2")
    tag("empty", key="empty", value="")
    tag("no value", key="none")
    tag("a number", key="n", value=5)
    tag("no key", value="1")
    tag("longest", key="longest", value="v" * 8000)
    tag("longer", key="longer", value="v" * 8001)
    tag("run name empty", key="mlflow.runName", value="")
    tag("note", key="mlflow.note.content", value="# A note\n")
    server.post("runs/set-tag", {"run_uuid": run, "key": "uuid", "value": "1"}, say="by run_uuid")
    for key in ("longest", "longer"):
        server.post("runs/delete-tag", {"run_id": run, "key": key})
    server.post("runs/delete-tag", {"run_id": run, "key": "t"})
    server.post("runs/delete-tag", {"run_id": run, "key": "t"}, say="twice")
    server.post("runs/delete-tag", {"run_id": run}, say="no key")
    server.post("runs/delete-tag", {"run_id": run, "key": "mlflow.runName"}, say="its name")
    server.get("runs/get", {"run_id": run})


def _metric(number: int) -> dict[str, Any]:
    return {"key": f"m{number}", "value": number, "timestamp": 1, "step": 0}


def _text(number: int) -> dict[str, Any]:
    return {"key": f"k{number}", "value": str(number)}


def _batch(server: Speaker) -> None:
    run = _run(server, "batch")

    def log(say: str, /, **body: Any) -> None:
        server.post("runs/log-batch", {"run_id": run, **body}, say=say)

    log("nothing")
    log("some of each", metrics=[_metric(1), _metric(2)], params=[_text(1)], tags=[_text(2)])
    log("again", metrics=[_metric(1), _metric(2)], params=[_text(1)], tags=[_text(2)])
    log("a parameter changed", params=[{"key": "k1", "value": "other"}])
    log("a parameter twice", params=[_text(7), _text(7)])
    log("a parameter twice, otherwise", params=[_text(8), {"key": "k8", "value": "other"}])
    log("a tag twice", tags=[{"key": "t", "value": "1"}, {"key": "t", "value": "2"}])
    log("a metric twice", metrics=[_metric(3), {**_metric(3), "value": 4, "step": 1}])
    log("the name", tags=[{"key": "mlflow.runName", "value": "named by batch"}])
    log("a metric without key", metrics=[{"value": 1, "timestamp": 1, "step": 0}])
    log("a metric without value", metrics=[{"key": "a", "timestamp": 1, "step": 0}])
    log("a metric without time", metrics=[{"key": "a", "value": 1, "step": 0}])
    log("a metric without step", metrics=[{"key": "without step", "value": 1, "timestamp": 1}])
    scrap = _run(server, "for what MLflow takes")
    log("a metric with text", run_id=scrap, metrics=[{"key": "a", "value": "x", "timestamp": 1, "step": 0}])
    log("numbers as text", metrics=[{"key": "as text", "value": "1.5", "timestamp": "2", "step": "3"}])
    log("a bad key", metrics=[{"key": "a!", "value": 1, "timestamp": 1, "step": 0}])
    log("a bad param key", params=[{"key": "a!", "value": "1"}])
    log("a bad tag key", tags=[{"key": "a!", "value": "1"}])
    log("a param without key", params=[{"value": "1"}])
    log("a tag without key", tags=[{"value": "1"}])
    log("a param without value", params=[{"key": "without value"}])
    log("a tag without value", tags=[{"key": "without value"}])
    log("metrics null", run_id=scrap, metrics=None, params=[_text(9)])
    log("metrics as an object", metrics={"key": "a"})
    log("metrics as text", metrics="a")
    log("metrics of numbers", metrics=[1])
    log(
        "longest keys",
        metrics=[{**_metric(1), "key": "m" * 250}],
        params=[{"key": "p" * 250, "value": "1"}],
        tags=[{"key": "t" * 250, "value": "1"}],
    )
    log("a key too long", params=[{"key": "p" * 251, "value": "1"}])
    log("a long param", params=[{"key": "long", "value": "v" * 6001}])
    log("a long tag", tags=[{"key": "long", "value": "v" * 8001}])
    server.post("runs/delete-tag", {"run_id": run, "key": "long"})
    server.get("runs/get", {"run_id": run})
    limits = _run(server, "limits")

    def many(say: str, metrics: int, params: int, tags: int) -> None:
        body = {
            "run_id": limits,
            "metrics": [_metric(1)] * metrics,
            "params": [_text(1)] * params,
            "tags": [_text(1)] * tags,
        }
        server.post("runs/log-batch", body, say=say)

    many("101 params", 0, 101, 0)
    many("101 tags", 0, 0, 101)
    many("1001 metrics", 1001, 0, 0)
    many("1001 together", 801, 100, 100)
    server.get("runs/get", {"run_id": limits})


DATASET = {
    "name": "d",
    "digest": "abc",
    "source_type": "local",
    "source": '{"uri": "/d"}',
    "schema": "{}",
    "profile": '{"rows": 1}',
}


def _inputs(server: Speaker) -> None:
    experiment = server.post("experiments/create", {"name": "data"})["experiment_id"]
    run = _run(server, "inputs", experiment)
    scrap = _run(server, "for what MLflow takes")
    tag = {"key": "mlflow.data.context", "value": "training"}

    def log(say: str, /, *datasets: Any, **body: Any) -> None:
        server.post("runs/log-inputs", {"run_id": run, "datasets": list(datasets), **body}, say=say)

    log("one", {"dataset": DATASET, "tags": [tag]})
    log("again", {"dataset": DATASET, "tags": [tag]})
    log("other tags", {"dataset": DATASET, "tags": [{**tag, "value": "eval"}, {"key": "z", "value": "1"}]})
    log("smallest", {"dataset": {"name": "e", "digest": "x", "source_type": "t", "source": "s"}})
    log("no tags, no schema", {"dataset": {**DATASET, "name": "f", "schema": None, "profile": None}})
    log("two", {"dataset": {**DATASET, "name": "g"}}, {"dataset": {**DATASET, "name": "h"}, "tags": [tag]})
    log("the same twice", {"dataset": {**DATASET, "name": "i"}}, {"dataset": {**DATASET, "name": "i"}})
    log("another digest", {"dataset": {**DATASET, "digest": "def"}})
    log("none")
    log("no dataset", {"tags": [tag]}, run_id=scrap)
    for field in ("name", "digest", "source_type", "source"):
        log(
            f"no {field}",
            {"dataset": {key: value for key, value in DATASET.items() if key != field}},
            run_id=scrap,
        )
    log("empty name", {"dataset": {**DATASET, "name": ""}}, run_id=scrap)
    log("empty source", {"dataset": {**DATASET, "name": "j", "source": ""}})
    for field, most in (("name", 500), ("digest", 36), ("source_type", 36), ("source", 65_535)):
        log(f"long {field}", {"dataset": {**DATASET, field: "x" * (most + 1)}})
    log("long tag key", {"dataset": DATASET, "tags": [{"key": "k" * 256, "value": "1"}]})
    log("long tag value", {"dataset": DATASET, "tags": [{"key": "k", "value": "v" * 501}]})
    log("tag without key", {"dataset": DATASET, "tags": [{"value": "1"}]}, run_id=scrap)
    log("tag without value", {"dataset": {**DATASET, "name": "k"}, "tags": [{"key": "x"}]})
    log("models null", models=None)
    server.get("runs/get", {"run_id": run})
    server.post("runs/search", {"experiment_ids": [experiment]})
    datasets = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    server.post(datasets, {"experiment_ids": [experiment]}, say="the datasets")
    empty = server.post("experiments/create", {"name": "no data"})["experiment_id"]
    server.post(datasets, {"experiment_ids": [empty]}, say="none there")
    server.post(datasets, {"experiment_ids": []}, say="no experiment")
    server.post(datasets, {}, say="no experiment")
    server.post(datasets, {"experiment_ids": ["99"]}, say="not there")
    server.post(datasets, {"experiment_ids": ["x"]}, say="no number")
    server.post(datasets, {"experiment_ids": [str(number) for number in range(21)]}, say="too many")
    server.post("experiments/search-datasets", {"experiment_ids": [experiment]}, say="not for clients")


def _outputs(server: Speaker) -> None:
    run = _run(server, "outputs")
    model = server.post("logged-models", {"experiment_id": "0", "name": "made"})["model"]["info"]["model_id"]
    server.post("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 3}]})
    server.post("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 3}]}, say="again")
    server.post(
        "runs/outputs",
        {"run_id": _run(server, "no step"), "models": [{"model_id": model}]},
        say="no step at all",
    )
    scrap = _run(server, "for what MLflow takes")
    server.post("runs/outputs", {"run_id": scrap, "models": [{"step": 3}]}, say="no model")
    server.post("runs/outputs", {"run_id": run, "models": []}, say="none")
    server.post("runs/outputs", {"run_id": run}, say="nothing")
    server.post("runs/log-inputs", {"run_id": run, "models": [{"model_id": model}]})
    server.post("runs/log-inputs", {"run_id": run, "models": [{"model_id": model}]}, say="again")
    server.post("runs/log-inputs", {"run_id": scrap, "models": [{}]}, say="no model")
    server.get("runs/get", {"run_id": run})


def _log_model(server: Speaker) -> None:
    run = _run(server, "legacy model")
    model = {
        "artifact_path": "model",
        "flavors": {"keras": {}},
        "utc_time_created": "2024-01-01 00:00:00.000000",
        "run_id": run,
    }

    def log(say: str, text: Any) -> None:
        server.post("runs/log-model", {"run_id": run, "model_json": text}, say=say)

    log("one", json.dumps(model))
    log("two", json.dumps({**model, "artifact_path": "other", "extra": 1}))
    log("the same path again", json.dumps({**model, "flavors": {"r": {}}}))
    log("no JSON", "{")
    log("no object", "[1]")
    log("empty", "")
    for field in model:
        log(f"without {field}", json.dumps({key: value for key, value in model.items() if key != field}))
    server.post("runs/log-model", {"run_id": run}, say="no model")
    server.post("runs/log-model", {"model_json": json.dumps(model)}, say="no run")
    server.post("runs/log-model", {"run_id": "nope", "model_json": json.dumps(model)}, say="no such run")
    server.get("runs/get", {"run_id": run})
