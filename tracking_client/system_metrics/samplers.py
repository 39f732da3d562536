"""`MachineSampler`: one look at the machine, as metrics with MLflow's names and units."""

from __future__ import annotations

import os
import shutil
import sys

from tracking_client.system_metrics.counters import Counters
from tracking_client.system_metrics.nvml import Gpus, gpus_if_any

RECEIVED, SENT = "network_receive_megabytes", "network_transmit_megabytes"
GROWING = frozenset({RECEIVED, SENT})
"""Counted since the start of the run: the last value says it all, a mean nothing."""


class MachineSampler:
    """Samples processors, memory, the disk that holds `/`, the network and GPUs. For one thread at a time.

    Processor use is that since the sample before, traffic that since the sampler was made. What cannot be
    read is left out.
    """

    def __init__(self, counters: Counters, gpus: Gpus | None = None) -> None:
        self._counters = counters
        self._gpus = gpus
        self._time = counters.processor_time()
        self._traffic = counters.traffic()

    def sample(self) -> dict[str, float]:
        """What can be read now, by the metric's name without `system/`."""
        found: dict[str, float] = {}
        for measure in (self._processors, self._memory, self._disk, self._network):
            try:
                found |= measure()
            except (OSError, ValueError):
                continue
        return found if self._gpus is None else found | self._gpus.sample()

    def _processors(self) -> dict[str, float]:
        before, now = self._time, self._counters.processor_time()
        passed = now.total - before.total
        if passed <= 0:  # sooner than a clock tick
            return {}
        self._time = now
        return {"cpu_utilization_percentage": min(100.0, max(0.0, (now.busy - before.busy) / passed * 100))}

    def _memory(self) -> dict[str, float]:
        memory = self._counters.memory()
        return {
            "system_memory_usage_megabytes": memory.used_bytes / 1e6,
            "system_memory_usage_percentage": memory.used_bytes / memory.total_bytes * 100,
        }

    def _disk(self) -> dict[str, float]:
        disk = shutil.disk_usage(os.sep)
        # Of what programs may have: a part is kept back for the system.
        return {
            "disk_usage_percentage": disk.used / max(1, disk.used + disk.free) * 100,
            "disk_usage_megabytes": disk.used / 1e6,
            "disk_available_megabytes": disk.free / 1e6,
        }

    def _network(self) -> dict[str, float]:
        now = self._counters.traffic()
        return {
            RECEIVED: (now.received_bytes - self._traffic.received_bytes) / 1e6,
            SENT: (now.sent_bytes - self._traffic.sent_bytes) / 1e6,
        }


def sampler_of_this_machine() -> MachineSampler:
    """A sampler of what this machine has.

    Raises InvalidArgument where that needs a package that is missing, OSError or ValueError where the system
    does not let itself be read.
    """
    counters: Counters
    if sys.platform == "linux":
        from tracking_client.system_metrics.linux_counters import LinuxCounters

        counters = LinuxCounters()
    else:
        from tracking_client.system_metrics.psutil_counters import PsutilCounters

        counters = PsutilCounters()
    return MachineSampler(counters, gpus_if_any())


__all__ = ["GROWING", "MachineSampler", "sampler_of_this_machine"]
