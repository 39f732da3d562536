"""Whether, how often and under which name system metrics are logged: MLflow's functions and variables.

The functions set the variables, so that programs started from here do the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tracking_client.errors import InvalidArgument
from tracking_client.wire import limits

ENABLED = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"
INTERVAL = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"
SAMPLES = "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"
NODE_ID = "MLFLOW_SYSTEM_METRICS_NODE_ID"

SHORTEST_INTERVAL_S = 0.01
LONGEST_INTERVAL_S = 1e6

_DEFAULT_INTERVAL_S = 10.0
_DEFAULT_SAMPLES = 1
_YES = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMetricsSettings:
    """A sample is taken every `interval_s` seconds, and the mean of `samples_before_logging` is logged.

    `node_id` tells the machines of one run apart: `system/<node id>/…`.
    """

    interval_s: float = _DEFAULT_INTERVAL_S
    samples_before_logging: int = _DEFAULT_SAMPLES
    node_id: str | None = None

    @property
    def prefix(self) -> str:
        """How the names of the metrics begin."""
        return f"system/{self.node_id}/" if self.node_id else "system/"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> SystemMetricsSettings:
        """The settings in force. Raises InvalidArgument for variables that cannot be used."""
        return cls(
            interval_s=_seconds(environ.get(INTERVAL) or _DEFAULT_INTERVAL_S, INTERVAL),
            samples_before_logging=_count(environ.get(SAMPLES) or _DEFAULT_SAMPLES, SAMPLES),
            node_id=_part_of_a_key(environ.get(NODE_ID)),
        )


def is_enabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether runs that do not say otherwise log system metrics."""
    return environ.get(ENABLED, "").strip().lower() in _YES


def enable_system_metrics_logging() -> None:
    """Logs system metrics of every run that starts from now on, unless it is started without."""
    os.environ[ENABLED] = "true"


def disable_system_metrics_logging() -> None:
    """Logs system metrics only of runs started with `log_system_metrics=True`."""
    os.environ[ENABLED] = "false"


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Samples every `interval` seconds in runs that start from now on; None: every 10.

    Raises InvalidArgument where it is not a number between 0.01 and a million.
    """
    _set(INTERVAL, None if interval is None else _seconds(interval, "interval"))


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Logs the mean of so many samples in runs that start from now on; None: each sample.

    Raises InvalidArgument where it is not a whole number of at least 1.
    """
    _set(SAMPLES, None if samples is None else _count(samples, "samples"))


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Names the machine in the keys of what is logged: `system/<node id>/…`; None: not any longer.

    Raises InvalidArgument for what cannot be part of a metric's name.
    """
    _set(NODE_ID, _part_of_a_key(node_id))


def _set(variable: str, value: float | str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = str(value)


def _seconds(value: float | str, what: str) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not SHORTEST_INTERVAL_S <= seconds <= LONGEST_INTERVAL_S:
        raise InvalidArgument(
            f"{what}={value!r:.50} is no interval: give seconds, from {SHORTEST_INTERVAL_S} to a million"
        )
    return seconds


def _count(value: float | str, what: str) -> int:
    try:
        count = int(value)
        is_whole = count == float(value)
    except (TypeError, ValueError, OverflowError):
        count, is_whole = 0, False
    if count < 1 or not is_whole:
        raise InvalidArgument(f"{what}={value!r:.50} is no number of samples: give a whole number, 1 or more")
    return count


def _part_of_a_key(node_id: str | None) -> str | None:
    if node_id is None or not str(node_id):
        return None
    problem = limits.key_problem(f"system/{node_id}/network_transmit_megabytes", "metric")
    if problem is not None:
        raise InvalidArgument(f"node_id={node_id!r:.100} cannot name a node: {problem}")
    return str(node_id)


__all__ = [
    "ENABLED",
    "INTERVAL",
    "NODE_ID",
    "SAMPLES",
    "SystemMetricsSettings",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "is_enabled",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
]
