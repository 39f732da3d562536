"""MLflow's own client against the registry of a real server: models, versions, aliases, stages, loading."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None,
    reason="the real MLflow client is not installed in this environment",
)


def test_everything_a_team_does_with_its_models(start_server: Any, tmp_path: Path) -> None:
    server = start_server()
    environ = {**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
    script = Path(__file__).with_name("mlflow_registry_session.py")

    done = subprocess.run(
        [sys.executable, str(script), str(server.http.base_url)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    problems = json.loads(done.stdout.splitlines()[-1])
    failed = {name: problem for name, problem in problems.items() if problem is not None}
    assert failed == {}, "\n".join([*failed.values(), done.stderr, server.log.read_text()])
    assert len(problems) >= 7
