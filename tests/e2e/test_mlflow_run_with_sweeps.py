"""A file with sweeps is still a project of MLflow's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECTS = Path(__file__).resolve().parents[1] / "projects"


@pytest.mark.parametrize("name", ["sweeps", "sweeps-in-other-words", "bad-sweeps"])
def test_mlflow_run_passes_over_sweeps(name: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(PROJECTS / name, project)
    (project / "train.py").write_text("import sys\nprint('trained with', sys.argv[1:])\n")
    required = {"sweeps": "momentum=0.5", "bad-sweeps": "width=0.5"}.get(name, "lr=0.5")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mlflow",
            "run",
            str(project),
            "-e",
            "train",
            "--env-manager",
            "local",
            "-P",
            required,
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "trained with" in done.stdout
    assert "'0.5'" in done.stdout
