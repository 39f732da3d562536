"""The same calls of the model registry through our client and MLflow's own, to our server and a real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client import mlflow_server
from tests.tracking_client.registry_session import Session
from tests.tracking_client.rest import ask, comparable, without_versions_tag
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.local_server import LocalServer
from tracking_client.tracking_uri import parse
from tracking_client.transport import Transport
from tracking_client.wire import entities

pytestmark = pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")


def _by_ours(url: str, name: str) -> dict[str, Any]:
    transport = Transport(parse(url), patience=Patience())
    try:
        return Session(TrackingClient(url, transport=transport), entities, name).play()
    finally:
        transport.close()


def _by_mlflow(url: str, name: str, repository: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking_client.registry_session", url, name],
        cwd=repository,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    played: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return played


def _held(url: str, name: str, played: dict[str, Any]) -> dict[str, Any]:
    """All that the server holds of what was played, as its REST API tells."""
    names = [f"{name}-renamed", f"{name}-copy"]
    versions = [ask(url, "model-versions/search", filter=f"name = '{each}'") for each in names]
    held = {
        "models": [ask(url, "registered-models/get", name=each) for each in names],
        "versions": versions,
        "logged models": ask(
            url, "logged-models/search", {"experiment_ids": [played["experiment_id"]], "max_results": 50}
        ),
        "run": ask(url, "runs/get", run_id=played["run_id"]),
    }
    told: dict[str, Any] = without_versions_tag(comparable(held, played["ids"]))
    return told


def _said(played: dict[str, Any]) -> list[Any]:
    # Through JSON, as the other process's: tuples are lists there.
    return [comparable(item, played["ids"]) for item in json.loads(json.dumps(played["seen"]))]


@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_both_clients_leave_the_same_registry_and_say_the_same(
    kind: str, client: TrackingClient, server: LocalServer, mlflow_url: str, repository: Path
) -> None:
    url = server.url if kind == "ours" else mlflow_url
    ours, theirs = f"reg{os.urandom(4).hex()}", f"reg{os.urandom(4).hex()}"
    by_ours, by_mlflow = _by_ours(url, ours), _by_mlflow(url, theirs, repository)
    assert _said(by_ours) == _said(by_mlflow)
    assert _held(url, ours, by_ours) == _held(url, theirs, by_mlflow)


def test_our_client_leaves_the_same_registry_on_both_servers(
    client: TrackingClient, server: LocalServer, mlflow_url: str
) -> None:
    said, held = [], []
    for url in (server.url, mlflow_url):
        name = f"reg{os.urandom(4).hex()}"
        played = _by_ours(url, name)
        said.append(_said(played))
        held.append(_held(url, name, played))
    assert said[0] == said[1]
    assert held[0] == held[1]
