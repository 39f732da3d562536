"""The same fluent calls of ours and of MLflow's, to our server and a real one, leave the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tracking_client
from tests.tracking_client import mlflow_server
from tests.tracking_client.fluent_registry_session import play
from tests.tracking_client.rest import ask, comparable, without_versions_tag
from tracking_client.client import TrackingClient
from tracking_client.local_server import LocalServer
from tracking_client.wire import entities, names

pytestmark = pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")

# Of whoever runs the program, and from where.
_OWN = {names.SOURCE_NAME, names.GIT_COMMIT, names.USER, names.GIT_BRANCH, names.GIT_REPO_URL}


def _by_mlflow(name: str, repository: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking_client.fluent_registry_session", name],
        cwd=repository,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    played: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return played


def _said(played: dict[str, Any]) -> list[Any]:
    # Through JSON, as the other process's: tuples are lists there.
    return [comparable(item, played["ids"]) for item in json.loads(json.dumps(played["seen"]))]


def _held(url: str, name: str, played: dict[str, Any]) -> Any:
    search = {"experiment_ids": [played["experiment_id"]], "max_results": 50}
    held = {
        "models": [ask(url, "registered-models/get", name=each) for each in (name, f"{name}-b")],
        "versions": ask(url, "model-versions/search", filter=f"name LIKE '{name}%'"),
        "logged models": ask(url, "logged-models/search", search),
        "run": ask(url, "runs/get", run_id=played["run_id"]),
    }
    return _without_own(without_versions_tag(comparable(held, played["ids"])))


def _without_own(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_own(item) for key, item in value.items() if key != "user_id"}
    if isinstance(value, list):
        kept = [item for item in value if not (isinstance(item, dict) and item.get("key") in _OWN)]
        return [_without_own(item) for item in kept]
    return value


@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_both_modules_leave_the_same_and_say_the_same(
    kind: str,
    client: TrackingClient,
    server: LocalServer,
    mlflow_url: str,
    monkeypatch: pytest.MonkeyPatch,
    repository: Path,
) -> None:
    url = server.url if kind == "ours" else mlflow_url
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    ours, theirs = f"flu{os.urandom(4).hex()}", f"flu{os.urandom(4).hex()}"
    by_mlflow = _by_mlflow(theirs, repository)
    by_ours = play(tracking_client, entities, ours)
    assert _said(by_ours) == _said(by_mlflow)
    assert _held(url, ours, by_ours) == _held(url, theirs, by_mlflow)
