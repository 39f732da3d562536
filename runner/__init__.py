"""Runs MLprojects and hyperparameter sweeps: isolated, tracked, reproducible.

`runner.run(uri, entry_point, parameters=…)` has the signature of `mlflow.projects.run`; `runner.sweep(uri,
name)` runs a sweep that the project declares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.api import SubmittedRun, run, sweep
    from runner.errors import (
        ManifestError,
        ParameterError,
        ProvisionError,
        RequestError,
        RunFailed,
        RunnerError,
    )
    from runner.model.run import Outcome, RunStatus
    from runner.sweeping.result import SweepResult

__version__ = "0.1.0"

__all__ = [
    "ManifestError",
    "Outcome",
    "ParameterError",
    "ProvisionError",
    "RequestError",
    "RunFailed",
    "RunStatus",
    "RunnerError",
    "SubmittedRun",
    "SweepResult",
    "run",
    "sweep",
]

_HOMES = {
    "Outcome": "runner.model.run",
    "RunStatus": "runner.model.run",
    "SubmittedRun": "runner.api",
    "SweepResult": "runner.sweeping.result",
    "run": "runner.api",
    "sweep": "runner.api",
}


def __getattr__(name: str) -> object:
    # Loaded when asked for: `runner --version` and `import runner` stay fast.
    if name not in __all__:
        raise AttributeError(f"module 'runner' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "runner.errors")), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
