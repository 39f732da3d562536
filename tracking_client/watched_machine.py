"""System metrics of a run: from its start, where they are wanted, to its end."""

from __future__ import annotations

import os

from tracking_client import notice
from tracking_client.errors import InvalidArgument, TrackingError
from tracking_client.run import ActiveRun


class WatchedMachine:
    """The machine, to be watched until a run ends. Made before the run is, so that it fails first."""

    def __init__(self) -> None:
        from tracking_client.system_metrics.samplers import sampler_of_this_machine
        from tracking_client.system_metrics.settings import SystemMetricsSettings

        self._settings = SystemMetricsSettings.from_environ()
        try:
            self._sampler = sampler_of_this_machine()
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"the system's counters cannot be read: {error}") from None

    @classmethod
    def wanted(cls, log_system_metrics: bool | None) -> WatchedMachine | None:
        """The machine where it is to be watched: as asked for, else as enabled for all runs.

        Raises InvalidArgument where it was asked for and cannot be; where it is only enabled, says so.
        """
        # As settings.is_enabled, which is not imported where nobody asks for it: a start costs so much less.
        if log_system_metrics is None and not os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"):
            return None
        from tracking_client.system_metrics.settings import is_enabled

        if not (is_enabled() if log_system_metrics is None else log_system_metrics):
            return None
        try:
            return cls()
        except InvalidArgument as error:
            if log_system_metrics:
                raise
            notice.say(f"no system metrics are logged: {error}")
            return None

    def until_end_of(self, run: ActiveRun) -> None:
        """Logs to `run` from now until it ends, after what it has already where it is resumed."""
        from tracking_client.system_metrics.monitor import SystemMonitor

        monitor = SystemMonitor(
            self._sampler,
            run.log_metrics,
            self._settings,
            first_step=_next_step(run, self._settings.prefix),
        )
        run.before_end(monitor.stop)
        monitor.start()


def _next_step(run: ActiveRun, prefix: str) -> int:
    key = next((key for key in run.data.metrics if key.startswith(prefix)), None)
    if key is None:
        return 0
    try:
        return 1 + max(
            (point.step for point in run.client.get_metric_history(run.info.run_id, key)), default=-1
        )
    except TrackingError as error:
        notice.say(f"system metrics begin at step 0 again: {error}")
        return 0


__all__ = ["WatchedMachine"]
