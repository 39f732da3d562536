"""The same pictures, tables and URIs by our functions and by MLflow's, on our server, are the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
import warnings
from pathlib import Path
from typing import Any

import pytest

import tracking_client
from tests.tracking_client import mlflow_server
from tests.tracking_client.artifacts.logging_session import play
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument

pytestmark = pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")


@pytest.fixture
def by_both(
    client: TrackingClient, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], dict[str, Any]]:
    del client  # its fixture says where to
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name = f"session {uuid.uuid4().hex}"
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking_client.artifacts.logging_session", f"{name} theirs"],
        cwd=repository,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = json.loads(json.dumps(play(tracking_client, f"{name} ours")))
    return ours, json.loads(done.stdout.splitlines()[-1])


def test_pictures_tables_and_uris_are_mlflows(by_both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = by_both
    assert ours["artifacts"] == theirs["artifacts"]
    assert ours["tags"] == theirs["tags"]
    assert sorted(ours["files"]) == sorted(theirs["files"])
    for name, content in theirs["files"].items():
        assert ours["files"][name] == content, name
    assert ours["tables"] == theirs["tables"]


def test_mlflow_reads_the_tables_that_were_logged_here(
    client: TrackingClient, experiment_id: str, repository: Path
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_table(run_id, {"a": [1, None], "b": ["x", "y"]}, "t.json")
    source = (
        "import json, sys, mlflow\n"
        "mlflow.log_table({'a': [2], 'c': ['z']}, 't.json', run_id=sys.argv[2])\n"
        "frame = mlflow.MlflowClient().load_table(sys.argv[1], 't.json')\n"
        "print(frame.to_json(orient='split', index=False))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, experiment_id, run_id],
        cwd=repository,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [[1, "x", None], [None, "y", None], [2, None, "z"]]
    assert json.loads(done.stdout.splitlines()[-1]) == {"columns": ["a", "b", "c"], "data": rows}
    client.log_table(run_id, {"a": [3]}, "t.json")
    found = json.loads(Path(client.download_artifacts(run_id, "t.json")).read_text())
    assert found["data"] == [*rows, [3, None, None]]


def test_a_table_that_no_run_has_is_an_error_of_ours(client: TrackingClient, experiment_id: str) -> None:
    with pytest.raises(InvalidArgument, match="No runs found"):
        client.load_table(experiment_id, "nowhere.json")
