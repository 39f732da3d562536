"""MLflow's own client against a real server: everything a training script does with it."""

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


def test_everything_a_training_script_does(start_server: Any, tmp_path: Path) -> None:
    server = start_server()
    environ = {**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}

    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("mlflow_session.py")), str(server.http.base_url)],
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
    absent = {name for name, problem in failed.items() if "scikit-learn is not installed" in problem}
    assert {name: problem for name, problem in failed.items() if name not in absent} == {}, (
        server.log.read_text()
    )
    if absent:
        pytest.skip(f"all else passed, but {', '.join(sorted(absent))} needs scikit-learn")
