"""The two virtual environments that are compared, each with everything its side needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD_TIMEOUT_S = 1800

# Both train with the same build of the same TensorFlow: the difference shall not be made there.
_TRAINING = (
    'tensorflow-cpu==2.21.*; platform_system == "Linux" and platform_machine == "x86_64"',
    'tensorflow==2.21.*; platform_system != "Linux" or platform_machine != "x86_64"',
    "scikit-learn>=1.5",
    "hyperopt>=0.3",
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its name in the table and the folder of its virtual environment."""

    name: str
    prefix: Path

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return self.prefix / "bin"

    def environ(self, home: Path, **variables: str) -> dict[str, str]:
        """The variables for its programs: nothing of the caller's may change how they work or what they cost."""
        foreign = ("MLFLOW_", "RUNNER_", "XDG_", "PYTHON", "TF_", "VIRTUAL_ENV", "CONDA_", "GIT_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {
            **kept,
            "HOME": str(home),
            "PATH": f"{self.bin}:{kept.get('PATH', '/usr/bin:/bin')}",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **variables,
        }


def ours(prefix: Path) -> Side:
    """This checkout and the example's requirements, installed into `prefix` where they are missing."""
    _install(prefix, "runner", str(ROOT), *_TRAINING)
    return Side("runner", prefix)


def peer(prefix: Path) -> Side:
    """MLflow and its example's requirements, installed into `prefix` where they are missing."""
    _install(prefix, "mlflow", "mlflow>=3", "pandas", *_TRAINING)
    return Side("mlflow", prefix)


def _install(prefix: Path, program: str, *requirements: str) -> None:
    if (prefix / "bin" / program).exists() and (prefix / "complete").exists():
        return
    print(f"building the environment of {program} in {prefix} …", file=sys.stderr)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if uv is None:
        sys.exit("uv is needed to build the environments: pip install uv")
    _call(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(prefix))
    python = str(prefix / "bin" / "python")
    _call(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *requirements)
    (prefix / "complete").touch()


def _call(*argv: str) -> None:
    subprocess.run(argv, check=True, timeout=BUILD_TIMEOUT_S)
