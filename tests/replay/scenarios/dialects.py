"""How the R client, the Java client and people with curl write the same requests."""

from __future__ import annotations

import json

from tests.replay.record import Speaker

JSON = {"Content-Type": "application/json"}


def conversation(server: Speaker) -> None:
    _r(server)
    _java(server)
    _bodies(server)


def _r(server: Speaker) -> None:
    """Every scalar is text; run_uuid beside run_id; only /api/2.0; log-model."""
    charset = {"Content-Type": "application/json; charset=utf-8"}

    def post(path: str, body: object) -> dict[str, dict[str, dict[str, str]]]:
        found: dict[str, dict[str, dict[str, str]]] = server.raw(
            "POST", path, json.dumps(body), charset, say="R"
        )
        return found

    server.raw("POST", "experiments/create", '{"name":"from R"}', charset, say="R")
    server.get("experiments/get-by-name", {"experiment_name": "from R"}, say="R")
    server.get("experiments/get", {"experiment_id": "1"}, say="R")
    post(
        "experiments/search",
        {"max_results": "1000", "view_type": "ACTIVE_ONLY", "order_by": ["experiment_id"]},
    )
    made = post(
        "runs/create",
        {
            "experiment_id": "1",
            "user_id": "anne",
            "run_name": "r",
            "start_time": "1700000000000",
            "tags": [{"key": "mlflow.source.name", "value": "a.R"}],
        },
    )
    run = made["run"]["info"]["run_id"]
    ids = {"run_uuid": run, "run_id": run}
    post("runs/log-parameter", {**ids, "key": "lr", "value": "0.1"})
    post("runs/log-metric", {**ids, "key": "loss", "value": "1.5", "timestamp": "1700000000001", "step": "0"})
    post("runs/log-metric", {**ids, "key": "loss", "value": "NaN", "timestamp": "1700000000002", "step": "1"})
    post(
        "runs/log-metric",
        {**ids, "key": "up", "value": "Infinity", "timestamp": "1700000000002", "step": "1"},
    )
    post(
        "runs/log-batch",
        {
            "run_id": run,
            "metrics": [{"key": "acc", "value": "0.5", "timestamp": "1700000000003", "step": "2"}],
            "params": [],
            "tags": [],
        },
    )
    post("runs/set-tag", {**ids, "key": "k", "value": "v"})
    model = {
        "artifact_path": "model",
        "flavors": {"crate": {"version": "0.1"}},
        "utc_time_created": "24-01-01T00:00:00",
        "run_id": run,
    }
    post("runs/log-model", {"run_id": run, "model_json": json.dumps(model)})
    post("runs/update", {**ids, "status": "FINISHED", "end_time": "1700000000010"})
    server.get("runs/get", {"run_uuid": run, "run_id": run}, say="R")
    server.get("metrics/get-history", {"run_uuid": run, "run_id": run, "metric_key": "loss"}, say="R")
    post(
        "runs/search",
        {
            "experiment_ids": ["1"],
            "filter": "metrics.acc > 0.1",
            "run_view_type": "ACTIVE_ONLY",
            "order_by": [],
        },
    )
    server.get("artifacts/list", {"run_uuid": run, "run_id": run}, say="R")
    post("runs/delete", ids)
    post("runs/restore", ids)
    post("registered-models/create", {"name": "from R", "description": "d"})
    post("model-versions/create", {"name": "from R", "source": "s3://b/x", "run_id": run})
    post(
        "model-versions/transition-stage",
        {"name": "from R", "version": "1", "stage": "Production", "archive_existing_versions": False},
    )
    server.get("registered-models/search", {"max_results": "100"}, say="R")


def _java(server: Speaker) -> None:
    """The JSON of protocol buffers: camelCase or not, 64-bit integers as text, enums by name."""

    def post(path: str, text: str) -> dict[str, dict[str, dict[str, str]]]:
        found: dict[str, dict[str, dict[str, str]]] = server.raw("POST", path, text, JSON, say="Java")
        return found

    post("experiments/create", '{"name": "from Java", "artifactLocation": "s3://b/java"}')
    server.get("experiments/get?experiment_id=2", say="Java")
    server.get("experiments/search?view_type=ACTIVE_ONLY&max_results=100&order_by=name", say="Java")
    made = post(
        "runs/create",
        '{"experiment_id": "2", "user_id": "bob", "run_name": "j", "start_time": "1700000000000"}',
    )
    run = made["run"]["info"]["run_id"]
    ids = f'"run_uuid": "{run}", "run_id": "{run}"'
    post("runs/log-metric", f'{{{ids}, "key": "m", "value": 1.5, "timestamp": "1700000000001", "step": "4"}}')
    post(
        "runs/log-metric",
        f'{{{ids}, "key": "m", "value": "-Infinity", "timestamp": "1700000000001", "step": "5"}}',
    )
    post(
        "runs/log-batch",
        f'{{"run_id": "{run}", "metrics": [{{"key": "b", "value": 2.0, "timestamp": "1", "step": "1"}}], "params": [{{"key": "p", "value": "1"}}]}}',
    )
    post("runs/update", f'{{{ids}, "status": "FINISHED", "end_time": "1700000000009"}}')
    server.get(f"runs/get?run_id={run}&run_uuid={run}", say="Java")
    post(
        "runs/search",
        '{"experiment_ids": ["2"], "filter": "", "run_view_type": "ACTIVE_ONLY", "max_results": 1000}',
    )
    post(
        "runs/search",
        '{"experimentIds": ["2"], "filter": "", "runViewType": "ACTIVE_ONLY", "maxResults": 1000, "orderBy": []}',
    )
    post("runs/search", '{"experimentIds": ["2"], "runViewType": 1, "maxResults": "5"}')
    server.get(f"metrics/get-history?run_id={run}&metric_key=m", say="Java")
    other = post(
        "runs/create",
        '{"experimentId": "0", "userId": "bob", "runName": "camel", "startTime": "1700000000000"}',
    )
    camel = other["run"]["info"]["run_id"]
    post(
        "runs/log-metric",
        f'{{"runUuid": "{camel}", "runId": "{camel}", "key": "m", "value": 1.5, "timestamp": "1", "step": "4"}}',
    )
    post(
        "runs/log-batch",
        f'{{"runId": "{camel}", "metrics": [{{"key": "b", "value": 2, "timestamp": "1", "step": "1", "modelId": ""}}]}}',
    )
    post("runs/update", f'{{"runId": "{camel}", "status": "FINISHED", "endTime": "1700000000009"}}')
    post("runs/set-tag", f'{{"runId": "{camel}", "key": "k", "value": "v", "run_id": "{camel}"}}')
    server.get("registered-models/get?name=from+R", say="Java")
    server.get("registered-models/get-latest-versions?name=from+R&stages=Production", say="Java")


def _bodies(server: Speaker) -> None:
    made = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "bodies"})
    run = made["run"]["info"]["run_id"]
    point = f'"run_id": "{run}", "key": "a", "timestamp": 1'
    other = server.post(
        "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "for what MLflow takes"}
    )
    scrap = other["run"]["info"]["run_id"]
    odd = f'"run_id": "{scrap}", "key": "a", "timestamp": 1'

    def post(
        say: str, text: str | bytes, headers: dict[str, str] | None = None, path: str = "runs/log-metric"
    ) -> None:
        server.raw("POST", path, text, JSON if headers is None else headers, say=say)

    post("bare NaN", f'{{{odd}, "value": NaN}}')
    post("bare Infinity", f'{{{odd}, "value": Infinity}}')
    post("bare -Infinity", f'{{{odd}, "value": -Infinity}}')
    post("exponents", f'{{{point}, "value": 1e-3}}')
    post("too large an exponent", f'{{{odd}, "value": 1e999}}')
    post("JSON in JSON", json.dumps(f'{{{point}, "value": 7}}'))
    post("JSON in JSON in JSON", json.dumps(json.dumps(f'{{{point}, "value": 8}}')))
    post("unknown fields", f'{{{point}, "value": 9, "colour": "red", "nested": {{"a": [1]}}}}')
    post("nulls", f'{{{point}, "value": 10, "step": null, "model_id": null, "dataset_name": null}}')
    post("both spellings", f'{{{point}, "value": 1, "modelId": "", "model_id": ""}}')
    post("a field twice", f'{{{point}, "value": 1, "value": 11}}')
    post("blanks around", f'  \n {{{point}, "value": 12}} \n')
    post("no content type", f'{{{point}, "value": 1}}', {})
    post("text", f'{{{point}, "value": 1}}', {"Content-Type": "text/plain"})
    post("a form", "a=b", {"Content-Type": "application/x-www-form-urlencoded"})
    post("charset", f'{{{point}, "value": 13}}', {"Content-Type": "application/json; charset=UTF-8"})
    post("capitals", f'{{{odd}, "value": 14}}', {"Content-Type": "Application/JSON"})
    post("nothing", "")
    post("no JSON", "{")
    post("a list", "[]")
    post("a number", "5")
    post("null", "null")
    post("no UTF-8", b'{"key": "\xff\xfe"}')
    post("a byte order mark", b"\xef\xbb\xbf{}")
    post("surrogates", f'{{"run_id": "{run}", "key": "s", "value": "\\ud83d\\ude00"}}', path="runs/set-tag")
    post("half a surrogate", f'{{"run_id": "{scrap}", "key": "h", "value": "\\ud83d"}}', path="runs/set-tag")
    post("a null character", f'{{"run_id": "{run}", "key": "n", "value": "a\\u0000b"}}', path="runs/set-tag")
    server.get("runs/get", {"run_id": run})
    server.get("metrics/get-history", {"run_id": run, "metric_key": "a"})
    for text in ("FALSE", "false", "true"):
        moved = {"name": "from R", "version": "1", "stage": "Staging", "archive_existing_versions": text}
        server.post("model-versions/transition-stage", moved, say="a boolean as text")
    server.raw("GET", f"runs/get?run_id={run}", "{}", JSON, say="a body with a GET")
    server.raw("GET", "runs/get", json.dumps({"run_id": run}), JSON, say="only a body with a GET")
    server.get(f"runs/get?runId={run}", say="camelCase in a query")
    server.get(f"runs/get?run_id={run}&run_id=other", say="a parameter twice")
    server.call("DELETE", "registered-models/delete", {"name": "from R"}, say="a body with DELETE")
    server.raw("DELETE", "registered-models/delete?name=x", "", {}, say="a query with DELETE")
