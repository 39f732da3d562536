"""`SystemMonitor`: the thread that samples the machine while a run lasts."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from tracking_client import notice
from tracking_client.errors import TrackingError
from tracking_client.system_metrics.samplers import GROWING
from tracking_client.system_metrics.settings import SystemMetricsSettings

_STOPPING_S = 2.0


class Sampler(Protocol):
    """Takes samples: values by name."""

    def sample(self) -> dict[str, float]:
        """One sample."""
        ...


class SystemMonitor:
    """Samples until it is stopped, and logs with `log(metrics, step)`: one step for each time.

    A forked child has no part in it. `stop` may be called from any thread, again and again.
    """

    def __init__(
        self,
        sampler: Sampler,
        log: Callable[[Mapping[str, float], int], None],
        settings: SystemMetricsSettings,
        *,
        first_step: int = 0,
    ) -> None:
        self._sampler = sampler
        self._log = log
        self._settings = settings
        self._step = first_step
        self._samples: list[dict[str, float]] = []
        self._has_logged = False
        self._stopping = threading.Event()
        self._owner_pid = os.getpid()
        self._thread = threading.Thread(target=self._watch, name="tracking-system-metrics", daemon=True)

    def start(self) -> None:
        """Starts sampling; the first sample is taken after the interval."""
        self._thread.start()

    def stop(self) -> None:
        """Logs what was sampled and not yet logged, and ends.

        A run too short for a single sample has one taken now, so that it has any.
        """
        if os.getpid() != self._owner_pid or self._stopping.is_set():
            return
        self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(_STOPPING_S)

    def _watch(self) -> None:
        try:
            while not self._stopping.wait(self._settings.interval_s):
                self._samples.append(self._sampler.sample())
                if len(self._samples) >= self._settings.samples_before_logging:
                    self._tell()
            if not self._has_logged and not self._samples:
                self._samples.append(self._sampler.sample())
            self._tell()
        except (TrackingError, OSError) as error:
            notice.say(f"system metrics are not logged any longer: {error}")

    def _tell(self) -> None:
        samples, self._samples = self._samples, []
        if not samples:
            return
        prefix = self._settings.prefix
        metrics = {f"{prefix}{name}": value for name, value in summary(samples).items()}
        self._log(metrics, self._step)
        self._has_logged = True
        self._step += 1


def summary(samples: list[dict[str, float]]) -> dict[str, float]:
    """What is logged for several samples: means to one decimal, the last value of what only grows."""
    names = dict.fromkeys(name for sample in samples for name in sample)
    series = {name: [sample[name] for sample in samples if name in sample] for name in names}
    return {
        name: values[-1] if name in GROWING else round(sum(values) / len(values), 1)
        for name, values in series.items()
    }


__all__ = ["Sampler", "SystemMonitor", "summary"]
