"""What MLflow's server has beyond this one: a clear refusal, and never a riddle."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tracking_server.app import ENDPOINTS

PLACEHOLDER = re.compile(r"<[^>]+>")


def mlflows_routes() -> list[tuple[str, str]]:
    """Every method and path that MLflow's own server knows."""
    from mlflow.server import handlers

    known: Any = handlers.get_endpoints()
    return sorted({(method, path) for path, _, methods in known for method in methods})


@pytest.mark.filterwarnings("ignore")
def test_what_is_not_served_says_so(api: Any) -> None:
    """Every route of MLflow's is either served or refused with 501: none is unknown, none breaks."""
    routes = mlflows_routes()
    assert len(routes) > 300
    unknown = []
    refused = 0
    for method, path in routes:
        reply = api.http.request(method, PLACEHOLDER.sub("x", path), json={})
        code = reply.json().get("error_code")
        if reply.status_code == 501 and code == "NOT_IMPLEMENTED":
            refused += reply.json()["message"].startswith("This server does not have ")
        elif code in ("ENDPOINT_NOT_FOUND", "INTERNAL_ERROR") or reply.status_code in (405, 500):
            unknown.append(f"{method} {path}: {reply.status_code} {reply.text[:200]}")

    assert unknown == []
    assert refused > 150


@pytest.mark.parametrize(
    "path",
    [
        "/graphql",
        "/v1/traces",
        "/gateway/x/mlflow/invocations",
        "/ajax-api/3.0/jobs/x",
        "/ajax-api/2.0/mlflow/gateway-proxy",
        "/ajax-api/2.0/mlflow/runs/create-promptlab-run",
        "/ajax-api/3.0/mlflow/get-trace-artifact",
        "/ajax-api/3.0/mlflow/ui-telemetry",
        "/ajax-api/3.0/mlflow/assistant/chat",
        "/api/3.0/mlflow/mcp-servers",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_routes_beside_the_table_are_refused_too(api: Any, method: str, path: str) -> None:
    reply = api.http.request(method, path)

    assert (reply.status_code, reply.json()["error_code"]) == (501, "NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    "path",
    ["/api/2.0/mlflow/nothing", "/api/2.0/mlflow/tracesx", "/api/9.9/x", "/nothing", "/graphqlx", "/v1"],
)
def test_what_nobody_has_is_not_found(api: Any, path: str) -> None:
    reply = api.http.get(path)

    assert (reply.status_code, reply.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_nothing_that_is_served_is_called_unsupported(api: Any) -> None:
    for endpoint in ENDPOINTS:
        for prefix in endpoint.prefixes:
            path = re.sub(r"\{[^}]+\}", "x", prefix + endpoint.path)
            reply = api.http.request(endpoint.method, path, json={})

            assert "This server does not have" not in reply.text, path


@pytest.mark.filterwarnings("ignore")
def test_the_real_client_tells_its_user_what_is_missing(start_server: Any, monkeypatch: Any) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    server = start_server()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.discovery["token"])
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    client = MlflowClient(str(server.http.base_url).rstrip("/"))

    with pytest.raises(MlflowException, match="does not have traces"):
        client.search_traces(locations=["0"])
