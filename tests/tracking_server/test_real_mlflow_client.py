"""MLflow's own client against a real server: everything a training script, a notebook or a shell does with it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "the-token-of-this-test"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None or importlib.util.find_spec("sklearn") is None,
    reason="the real MLflow client is not installed in this environment with all that it needs",
)


def test_everything_that_mlflows_client_can_do(start_server: Any, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    token_file.chmod(0o600)
    server = start_server(f"--token-file={token_file}")
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        **os.environ,
        "HOME": str(home),
        "MLFLOW_TRACKING_TOKEN": TOKEN,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1",  # automatic logging looks for them in another process
        "PYTHONPATH": str(REPOSITORY),
    }

    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking_server.mlflow_session", str(server.http.base_url)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    problems = json.loads(done.stdout.splitlines()[-1])
    failed = "\n\n".join(f"{name}:\n{problem}" for name, problem in problems.items() if problem)
    assert len(problems) > 20
    assert failed == "", f"{failed}\n\n{server.log.read_text()}"
