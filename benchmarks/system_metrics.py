"""What sampling the machine costs: processor time of one sample, ours and MLflow's, measured in turns.

python benchmarks/system_metrics.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

from tracking_client.system_metrics.samplers import sampler_of_this_machine

DEFAULT_INTERVAL_S = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    samples = parser.parse_args().samples
    sampler = sampler_of_this_machine()
    monitors = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]

    def theirs() -> None:
        for monitor in monitors:
            monitor.collect_metrics()
            monitor.aggregate_metrics()
            monitor.clear_metrics()

    ours_s, theirs_s = [], []
    for _ in range(samples):
        ours_s.append(_processor_s(sampler.sample))
        theirs_s.append(_processor_s(theirs))
    ours, mlflow = statistics.median(ours_s), statistics.median(theirs_s)
    print(f"{'one sample, without GPUs':30} {'ours':>10} {'mlflow':>10} {'ratio':>7}")
    print(f"{'processor time, µs':30} {ours * 1e6:>10.0f} {mlflow * 1e6:>10.0f} {ours / mlflow:>7.2f}")
    share = [100 * each / DEFAULT_INTERVAL_S for each in (ours, mlflow)]
    print(f"{'% of one core, every 10 s':30} {share[0]:>10.5f} {share[1]:>10.5f}")


def _processor_s(call: Callable[[], object]) -> float:
    started = time.thread_time()
    call()
    return time.thread_time() - started


if __name__ == "__main__":
    main()
