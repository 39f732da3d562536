"""The OpenAPI document: it is of this server, whole, and true."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest

from tracking_server.api.reply_shapes import RAW, SHAPES
from tracking_server.api.routing import Raw, Rpc
from tracking_server.app import ENDPOINTS


@pytest.fixture
def document(api: Any) -> Any:
    return api.http.get("/openapi.json").json()


def test_every_endpoint_is_in_the_document_under_every_prefix(document: Any) -> None:
    listed = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    served = {
        (endpoint.method, prefix + re.sub(r":path\}", "}", endpoint.path))
        for endpoint in ENDPOINTS
        for prefix in endpoint.prefixes
    }

    assert listed == served
    assert len(listed) > 120


def test_every_reply_is_described_and_nothing_else_is() -> None:
    calls = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS if isinstance(endpoint, Rpc)}
    raw = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS if isinstance(endpoint, Raw)}

    assert SHAPES.keys() ^ calls == set()
    assert RAW.keys() ^ raw == set()


def test_requests_are_those_of_the_handlers(document: Any) -> None:
    for endpoint in ENDPOINTS:
        if not isinstance(endpoint, Rpc):
            continue
        path = endpoint.prefixes[0] + endpoint.path.replace(":path}", "}")
        operation = document["paths"][path][endpoint.method.lower()]
        if endpoint.method == "GET":
            shown = {parameter["name"] for parameter in operation["parameters"]}
        else:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            shown = set(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"])
        assert shown >= set(endpoint.request.__struct_fields__), path


def test_the_document_is_one(document: Any) -> None:
    """References lead somewhere, schemas are schemas, operations have names of their own."""
    text = str(document)
    names = set(re.findall(r"#/components/schemas/([\w.]+)", text))
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert document["openapi"] == "3.1.0"
    assert names <= document["components"]["schemas"].keys()
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] for operation in operations)


def test_only_what_everybody_may_ask_is_without_a_token(document: Any) -> None:
    free = [
        path
        for path, operations in document["paths"].items()
        if any(operation.get("security") == [] for operation in operations.values())
    ]

    assert document["security"] == [{"bearer": []}, {"basic": []}]
    assert free == ["/health", "/version"]


def test_replies_of_a_whole_session_are_as_described(api: Any, document: Any) -> None:
    run_id = api.run()
    api.post("runs/log-metric", run_id=run_id, key="m", value="NaN", timestamp=1)
    api.post("runs/log-parameter", run_id=run_id, key="p", value="1")
    model = api.post("logged-models", experiment_id="0", name="m", source_run_id=run_id)["model"]
    calls = [
        ("GET", "experiments/get", {"experiment_id": "0"}),
        ("POST", "experiments/search", {"max_results": 10}),
        ("GET", "runs/get", {"run_id": run_id}),
        ("POST", "runs/search", {"experiment_ids": ["0"]}),
        ("GET", "metrics/get-history", {"run_id": run_id, "metric_key": "m"}),
        ("POST", "logged-models/search", {"experiment_ids": ["0"]}),
        ("POST", "registered-models/create", {"name": "r"}),
        ("GET", "registered-models/search", {}),
        ("GET", "artifacts/list", {"run_id": run_id}),
        ("GET", "runs/get", {"run_id": "nothing"}),
    ]
    assert model
    for method, path, fields in calls:
        url = f"/api/2.0/mlflow/{path}"
        sent = {"params": fields} if method == "GET" else {"json": fields}
        reply = api.http.request(method, url, **sent)
        described = document["paths"][url][method.lower()]["responses"]
        entry = described.get(str(reply.status_code), described["default"])
        schema = {**entry["content"]["application/json"]["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(reply.json())
