"""The experiment that new runs go to: the one set here, else the environment's, else the default one."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from tracking_client.client import TrackingClient
from tracking_client.contact import reachable_client
from tracking_client.context import EXPERIMENT_ID, EXPERIMENT_NAME
from tracking_client.errors import InvalidArgument
from tracking_client.wire.entities import LifecycleStage

if TYPE_CHECKING:
    from tracking_client.wire.entities import Experiment

DEFAULT_EXPERIMENT_ID = "0"

_lock = threading.RLock()
_chosen: str | None = None


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Makes an experiment the one for new runs, in this process and in those it starts.

    By name it is created where it does not exist; many may do so at once and get the same one.
    Raises InvalidArgument for none or both of the arguments or an experiment in the bin, NotFound for an id.
    """
    global _chosen  # noqa: PLW0603  # one active experiment a process: MLflow's model
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidArgument("Must specify exactly one of: `experiment_id` or `experiment_name`.")
    client = reachable_client()
    with _lock:
        if experiment_name is not None:
            experiment = client.ensure_experiment(experiment_name)
        else:
            experiment = client.get_experiment(str(experiment_id))
            if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
                raise InvalidArgument(
                    f"Cannot set a deleted experiment {experiment.name!r} as the active experiment."
                )
        _chosen = experiment.experiment_id
        os.environ[EXPERIMENT_ID] = _chosen
        # A child that sees a name beside the id would be refused by MLflow's client.
        os.environ.pop(EXPERIMENT_NAME, None)
        return experiment


def chosen_id(client: TrackingClient) -> str | None:
    """The id of the experiment that was set or that the environment names; None where nobody chose.

    An experiment that MLFLOW_EXPERIMENT_NAME names is created where it does not exist.
    """
    if _chosen is not None:
        return _chosen
    name, number = os.environ.get(EXPERIMENT_NAME), os.environ.get(EXPERIMENT_ID)
    if not name:
        return number or None
    with _lock:
        experiment = client.ensure_experiment(name)
    if number and number != experiment.experiment_id:
        raise InvalidArgument(
            f"The provided {EXPERIMENT_ID} environment variable value `{number}` does not match the "
            f"experiment id `{experiment.experiment_id}` for experiment name `{name}`"
        )
    return experiment.experiment_id


def set_id() -> str | None:
    """The id given to `set_experiment` last, or None."""
    return _chosen


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  # held by a thread that the child does not have
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["DEFAULT_EXPERIMENT_ID", "chosen_id", "set_experiment", "set_id"]
