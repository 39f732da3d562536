"""The matrix of models: logged by us and by MLflow, on a server of ours and one of MLflow's, loaded by both.

Each combination predicts what MLflow predicts with its own model, and both say the same of each model.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client import mlflow_server
from tests.tracking_client.models import matrix_cases
from tests.tracking_client.models.matrix_case import Case
from tracking_client.local_server import LocalServer

LIBRARIES = ("tracking_client", "mlflow")


def side(library: str, table: str, url: str, directory: Path, asked: dict[str, Any], **how: Any) -> Any:
    """What a process of one library answers."""
    python = how.pop("python", sys.executable)
    done = subprocess.run(
        [python, "-m", "tests.tracking_client.models.matrix_side", library, table, url, str(directory)],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "RUNNER_TRUST_MODELS": "*", **how},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def found_by_all(cases: list[Case], table: str, url: str, directory: Path, **how: Any) -> dict[str, Any]:
    """For each case what was found, by (who logged the model, who loaded it)."""
    asked: dict[str, Any] = {"log": True, "load": {}}
    ours = side("tracking_client", table, url, directory, asked, **how)
    theirs = side("mlflow", table, url, directory, {"log": True, "load": _lists(ours["logged"])}, **how)
    again = side(
        "tracking_client", table, url, directory, {"log": False, "load": _lists(theirs["logged"])}, **how
    )
    assert ours["imported"] == [], "what we logged we load without MLflow"
    return {
        case.name: {
            ("tracking_client", "tracking_client"): ours["loaded"][case.name][0],
            ("tracking_client", "mlflow"): theirs["loaded"][case.name][0],
            ("mlflow", "mlflow"): theirs["loaded"][case.name][1],
            ("mlflow", "tracking_client"): again["loaded"][case.name][0],
        }
        for case in cases
    }


def _lists(logged: dict[str, Any]) -> dict[str, list[Any]]:
    return {case: [uri] for case, uri in logged.items()}


def differences(cases: list[Case], found: dict[str, Any]) -> dict[str, Any]:
    """Where a combination is not what MLflow makes of its own model; nothing where all is well."""
    wrong = {}
    for case in cases:
        expected = found[case.name]["mlflow", "mlflow"]
        if "error" in expected:
            wrong[f"{case.name}: MLflow itself"] = expected["error"]
            continue
        for (logger, loader), cell in found[case.name].items():
            for what in (expected.keys() | cell.keys()) - {"model id"} - (case.unlike or {}).keys():
                if expected.get(what) != cell.get(what):
                    told = f"{case.name}: {what}, logged by {logger}, loaded by {loader}"
                    wrong[told] = (expected.get(what), cell.get(what))
    return wrong


@pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")
@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_a_model_of_either_is_the_same_in_both(
    kind: str, server: LocalServer, mlflow_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"matrix {os.urandom(4).hex()}")
    url = server.url if kind == "ours" else mlflow_url
    cases = matrix_cases.CASES
    found = found_by_all(cases, matrix_cases.__name__, url, tmp_path, KERAS_BACKEND="numpy")
    wrong = differences(cases, found)
    assert not wrong, "\n\n".join(f"{where}\n    {what}" for where, what in wrong.items())
