"""The two virtual environments that are compared, each with everything its side needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
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
        """The variables for its programs, without those of the caller that change how they work."""
        foreign = ("MLFLOW_", "RUNNER_", "XDG_", "PYTHON", "TF_", "VIRTUAL_ENV", "CONDA_", "GIT_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {
            **kept,
            "HOME": str(home),
            "PATH": f"{self.bin}:{kept.get('PATH', '/usr/bin:/bin')}",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **variables,
        }


def ours(given: Path | None, cache: Path) -> Side:
    """The side of this checkout: the environment that is given, or one that is built in `cache`.

    The one in `cache` always gets the checkout as it is now.
    """
    prefix = _ready(given, cache, "runner", [str(ROOT), *_TRAINING])
    if given is None:
        _install(prefix, "--reinstall-package", "runner", str(ROOT))
    return Side("runner", prefix)


def peer(given: Path | None, cache: Path) -> Side:
    """The side of MLflow: the environment that is given, or one that is built in `cache`."""
    return Side("mlflow", _ready(given, cache, "mlflow", ["mlflow>=3", "pandas", *_TRAINING]))


def _ready(given: Path | None, cache: Path, name: str, requirements: Sequence[str]) -> Path:
    if given is not None:
        if not (given / "bin" / name).exists():
            sys.exit(f"{given} is not a virtual environment that has {name}")
        return given.absolute()
    prefix = cache.absolute() / name
    if not (prefix / "complete").exists():
        print(f"building the environment of {name} in {prefix} …", file=sys.stderr)
        _call("venv", "--quiet", "--clear", "--python", sys.executable, str(prefix))
        _install(prefix, *requirements)
        (prefix / "complete").touch()
    return prefix


def _install(prefix: Path, *what: str) -> None:
    _call(
        "pip", "install", "--quiet", "--compile-bytecode", "--python", str(prefix / "bin" / "python"), *what
    )


def _call(*argv: str) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if uv is None:
        sys.exit("uv is needed to build the environments: pip install uv")
    subprocess.run([uv, *argv], check=True, timeout=BUILD_TIMEOUT_S)
