"""Which run a new one belongs under, as the tracking client of this process knows it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tracking_client.context import RunContext


def current_parent(environ: Mapping[str, str]) -> str | None:
    """The run that is active in this thread or process, else the run that launched this process, else None."""
    fluent = sys.modules.get("tracking_client.fluent")
    if fluent is not None:
        active = fluent.active_run()
        if active is not None:
            return str(active.info.run_id)
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and hasattr(mlflow, "active_run"):
        # A script may drive its sweep with MLflow's own client and launch its trials with ours.
        active = mlflow.active_run()
        if active is not None:
            return str(active.info.run_id)
    return RunContext.from_environ(environ).launched_run_id


def current_experiment(environ: Mapping[str, str]) -> str | None:
    """The experiment of the active run, or the one a launcher or `set_experiment` chose, if any."""
    fluent = sys.modules.get("tracking_client.fluent")
    if fluent is not None:
        chosen = fluent.current_experiment_id()
        if chosen is not None:
            return str(chosen)
    return RunContext.from_environ(environ).experiment_id


def current_tracking_uri() -> str | None:
    """The tracking URI that this process's client was told to use by `set_tracking_uri`, if it was."""
    fluent = sys.modules.get("tracking_client.fluent")
    return None if fluent is None else fluent.chosen_tracking_uri()
