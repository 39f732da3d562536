"""Which run a new one belongs under, as the tracking client of this process knows it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Protocol, cast

from tracking_client.context import RunContext


class _Info(Protocol):
    run_id: str
    experiment_id: str


class _Run(Protocol):
    info: _Info


def current_parent(environ: Mapping[str, str], *, of: str | None = None) -> str | None:
    """The run active in this thread or process, else the run that launched this process, else None.

    Never `of` itself: a run that the caller opened for its trial is often the active one.
    """
    active = _active_run()
    candidates = (active and active.info.run_id, RunContext.from_environ(environ).launched_run_id)
    return next((run_id for run_id in candidates if run_id and run_id != of), None)


def current_experiment(environ: Mapping[str, str]) -> str | None:
    """The experiment of the active run, else the one that a launcher or `set_experiment` chose, if any."""
    run = _active_run()
    return RunContext.from_environ(environ).experiment_id if run is None else run.info.experiment_id


def _active_run() -> _Run | None:
    # A client that nobody imported has no active run. A script may drive its sweep with MLflow's own client
    # and launch its trials with ours.
    for name in ("tracking_client", "mlflow"):
        module = sys.modules.get(name)
        if module is not None and "active_run" in dir(module):
            run = module.active_run()
            if run is not None:
                return cast("_Run", run)
    return None
