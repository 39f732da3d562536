"""Requests as sloppily as clients send them, replies as MLflow sends them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tracking_server.api.routing import V2, V3
from tracking_server.app import ENDPOINTS

JSON = {"Content-Type": "application/json"}


def post(api: Any, path: str, body: str | bytes, headers: dict[str, str] | None = None) -> Any:
    return api.http.post(
        f"/api/2.0/mlflow/{path}", content=body, headers=JSON if headers is None else headers
    )


def test_numbers_may_be_strings_as_r_sends_them(api: Any) -> None:
    run_id = api.run(start_time="123")

    api.post("runs/log-metric", run_id=run_id, key="m", value="1.5", timestamp="7", step="3")

    run = api.whole_run(run_id)
    assert run["info"]["start_time"] == 123
    assert run["data"]["metrics"] == [{"key": "m", "value": 1.5, "timestamp": 7, "step": 3}]


def test_fields_may_be_camel_case_as_java_sends_them(api: Any) -> None:
    run_id = post(api, "runs/create", '{"experimentId": "0", "runName": "camel", "startTime": 5}').json()[
        "run"
    ]["info"]["run_id"]
    post(api, "runs/log-metric", f'{{"runId": "{run_id}", "key": "m", "value": 1, "timestamp": 1}}')

    run = api.whole_run(run_id)
    assert (run["info"]["run_name"], run["info"]["start_time"]) == ("camel", 5)
    assert len(run["data"]["metrics"]) == 1


def test_both_spellings_of_one_field_are_refused(api: Any) -> None:
    reply = post(api, "runs/create", '{"experimentId": "0", "experiment_id": "0"}')

    assert reply.status_code == 400
    assert "experiment_id" in reply.json()["message"]


def test_values_that_look_like_camel_case_keys_are_left_alone(api: Any) -> None:
    run_id = api.run()
    value = '{"someKey": {"aNestedKey": null}}'

    api.post("runs/set-tag", run_id=run_id, key="t", value=value)

    assert {"key": "t", "value": value} in api.whole_run(run_id)["data"]["tags"]


@pytest.mark.parametrize("number", ["NaN", '"NaN"', '"nan"'])
def test_nan_may_be_bare_or_quoted(api: Any, number: str) -> None:
    run_id = api.run()

    reply = post(
        api, "runs/log-metric", f'{{"run_id": "{run_id}", "key": "m", "value": {number}, "timestamp": 1}}'
    )

    assert reply.status_code == 200
    assert api.whole_run(run_id)["data"]["metrics"][0]["value"] == "NaN"


def test_bare_infinity(api: Any) -> None:
    run_id = api.run()

    post(api, "runs/log-metric", f'{{"run_id": "{run_id}", "key": "m", "value": -Infinity, "timestamp": 1}}')

    assert api.whole_run(run_id)["data"]["metrics"][0]["value"] == -1.7976931348623157e308


def test_nulls_are_absent_and_unknown_fields_are_ignored(api: Any) -> None:
    reply = post(
        api, "runs/create", '{"experiment_id": "0", "run_name": null, "tags": null, "what": {"is": "it"}}'
    )

    assert reply.status_code == 200


def test_a_document_in_a_string_is_accepted(api: Any) -> None:
    body = json.dumps(json.dumps({"name": "twice encoded"}))

    assert post(api, "experiments/create", body).status_code == 200


def test_the_text_null_is_text(api: Any) -> None:
    run_id = api.run()

    api.post("runs/set-tag", run_id=run_id, key="null", value="null")

    assert {"key": "null", "value": "null"} in api.whole_run(run_id)["data"]["tags"]


@pytest.mark.parametrize("body", ["{", "[]", "5", '"x"', "\xff", '{"a":' * 100_000])
def test_what_is_no_json_object_is_refused(api: Any, body: str) -> None:
    reply = post(api, "experiments/create", body.encode("latin-1"))

    assert reply.status_code == 400
    assert reply.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_value_of_the_wrong_kind_is_named_as_mlflow_names_it(api: Any) -> None:
    reply = post(api, "experiments/create", '{"name": 123}')

    assert reply.status_code == 400
    assert reply.json()["message"].startswith(
        "Invalid value 123 for parameter 'name' supplied:  Hint: Value was of type 'int'."
    )


def test_a_wrong_value_deep_inside_is_named_too(api: Any) -> None:
    body = {"run_id": api.run(), "metrics": [{"key": "a", "value": 1, "timestamp": "soon"}]}

    status, _, message = api.refused("POST", "runs/log-batch", **body)

    assert status == 400
    assert "Invalid value \"soon\" for parameter 'metrics[0].timestamp'" in message


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1.5, True])
def test_integers_beyond_64_bits_are_refused(api: Any, value: Any) -> None:
    assert api.refused("POST", "runs/create", experiment_id="0", start_time=value)[0] == 400


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}]
)
def test_the_content_type_is_demanded(api: Any, headers: dict[str, str]) -> None:
    reply = post(api, "experiments/create", b'{"name": "x"}', headers)

    assert reply.status_code == 400
    assert "Content-Type" in reply.json()["message"]


def test_content_types_may_have_parameters(api: Any) -> None:
    reply = post(
        api, "experiments/create", b'{"name": "x"}', {"Content-Type": "application/json; charset=utf-8"}
    )

    assert reply.status_code == 200


def test_bodies_are_bounded(api: Any) -> None:
    reply = api.http.post(
        "/api/2.0/mlflow/experiments/create", content=b"", headers={**JSON, "Content-Length": str(10**12)}
    )

    assert reply.status_code == 413


def test_every_call_is_there_under_both_prefixes_and_does_the_same() -> None:
    only_one = {endpoint.path for endpoint in ENDPOINTS if set(endpoint.prefixes) not in ({*V2}, {*V3}, {""})}

    assert only_one == {
        "/mlflow/metrics/get-history-bulk",
        "/mlflow/upload-artifact",
        "/mlflow/logged-models/{model_id}/artifacts/files",
    }  # MLflow's pages alone use these


def test_unknown_routes_and_methods_are_clear_json(api: Any) -> None:
    for path in ("/api/2.0/mlflow/nothing", "/api/2.0/preview/mlflow/x", "/ajax-api/9.9/x", "/elsewhere/x"):
        reply = api.http.get(path)
        assert reply.status_code == 404
        assert reply.json()["error_code"] == "ENDPOINT_NOT_FOUND"
    reply = api.http.delete("/api/2.0/mlflow/runs/create")
    assert reply.status_code == 405
    assert "POST" in reply.json()["message"]


def test_the_server_tells_about_itself(api: Any) -> None:
    assert api.http.get("/health").text == "OK"
    assert api.http.get("/version").text.startswith("3.")
    assert api.http.get("/api/3.0/mlflow/server-info").json()["store_type"] == "SqlStore"


def test_every_endpoint_survives_an_empty_request(api: Any) -> None:
    for endpoint in ENDPOINTS:
        for prefix in endpoint.prefixes:
            path = (prefix + endpoint.path).replace("{path:path}", "x").replace("{tag_key:path}", "x")
            path = path.replace("{model_id}", "m-0")
            reply = api.http.request(endpoint.method, path, content=b"{}", headers=JSON)
            assert reply.status_code < 500 or reply.status_code == 501, (endpoint.method, path, reply.text)


def test_text_that_is_no_text_is_refused(api: Any) -> None:
    run_id = api.run()

    reply = post(api, "runs/set-tag", f'{{"run_id": "{run_id}", "key": "t", "value": "\\ud800"}}')

    assert reply.status_code == 400


@pytest.mark.parametrize("sent", ['"+Infinity"', '"1e999"', "1e999", "Infinity", '"inf"'])
def test_infinity_in_every_spelling_of_pythons_is_the_largest_number(api: Any, sent: str) -> None:
    run_id = api.run()

    reply = post(
        api, "runs/log-metric", f'{{"run_id": "{run_id}", "key": "m", "value": {sent}, "timestamp": 1}}'
    )

    assert reply.status_code == 200, reply.text
    assert api.whole_run(run_id)["data"]["metrics"][0]["value"] > 1e308


@pytest.mark.parametrize(
    ("sent", "value"), [('" 1.5 "', 1.5), ('"1_000"', 1000.0), ("true", 1.0), ('"05"', 5.0), ('"1e+05"', 1e5)]
)
def test_numbers_are_what_python_reads(api: Any, sent: str, value: float) -> None:
    run_id = api.run()
    body = f'{{"run_id": "{run_id}", "key": "m", "value": {sent}, "timestamp": "05", "step": " 7 "}}'

    assert post(api, "runs/log-metric", body).status_code == 200

    (metric,) = api.whole_run(run_id)["data"]["metrics"]
    assert (metric["value"], metric["timestamp"], metric["step"]) == (value, 5, 7)


def test_numbers_in_lists_and_in_queries_are_read_alike(api: Any) -> None:
    run_id = api.run()
    point = '{"key": "m", "value": "+Infinity", "timestamp": "01"}'
    body = f'{{"run_id": "{run_id}", "metrics": [{point}, {point.replace("01", "02")}]}}'

    assert post(api, "runs/log-batch", body).status_code == 200
    for most in ("", "010"):
        found = api.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=most)
        assert [metric["timestamp"] for metric in found["metrics"]] == [1, 2]


@pytest.mark.parametrize("text", ["aB" * 200_000, ('"a' * 100_000).replace('"', '\\"'), ": " * 200_000])
def test_no_text_makes_the_decoder_think_for_ever(text: str) -> None:
    script = (
        "import sys, msgspec; from tracking_server.api import codec;"
        "kind = msgspec.defstruct('Kind', [('key', str)]);"
        "assert codec.decode(sys.stdin.buffer.read(), kind).key"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], input=f'{{"key": "{text}"}}'.encode(), timeout=60, check=False
    )

    assert done.returncode == 0
