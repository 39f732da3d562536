"""A program that logs with either client, and prints as JSON what it measured of itself.

    python logging_program.py latency CLIENT HOW CALLS
    python logging_program.py drain CLIENT HOW METRICS
    python logging_program.py weight CLIENT
    python logging_program.py model CLIENT

CLIENT is `tracking_client` or `mlflow`. HOW is `default`, or `async`: MLflow's `synchronous=False`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "hyperparam"


def latency(client: Any, options: dict[str, Any], calls: int) -> dict[str, float]:
    """Microseconds of a call in a loop that does nothing else."""
    taken = []
    with client.start_run():
        for step in range(100):
            client.log_metric("warm-up", step, step=step, **options)
        client.flush_async_logging()
        for step in range(calls):
            value = step * 0.37
            began = time.perf_counter_ns()
            client.log_metric("loss", value, step=step, **options)
            taken.append(time.perf_counter_ns() - began)
        client.flush_async_logging()
    taken.sort()
    return {
        "median_us": taken[len(taken) // 2] / 1000,
        "p99_us": taken[len(taken) * 99 // 100] / 1000,
        "longest_us": taken[-1] / 1000,
    }


def drain(client: Any, options: dict[str, Any], metrics: int) -> dict[str, float]:
    """Metrics a second, from the first call until a flush says that the server has them all."""
    with client.start_run() as run:
        client.log_metric("warm-up", 1.0, **options)
        client.flush_async_logging()
        began = time.perf_counter()
        for step in range(metrics):
            client.log_metric("loss", step * 0.37, step=step, **options)
        told_s = time.perf_counter() - began
        client.flush_async_logging()
        took_s = time.perf_counter() - began
        there = client.get_run(run.info.run_id).data.metrics["loss"]
    if there != (metrics - 1) * 0.37:
        sys.exit(f"the last value is {there}")
    return {"per_s": metrics / took_s, "told_per_s": metrics / told_s}


def weight(name: str) -> dict[str, float]:
    """Seconds, and MB of resident memory, that importing the client and naming its functions takes."""
    before = _resident_bytes()
    began = time.perf_counter()
    client = importlib.import_module(name)
    _ = client.start_run, client.log_metric, client.log_artifact
    took_s = time.perf_counter() - began
    return {"import_s": took_s, "memory_mb": (_resident_bytes() - before) / 1e6}


def model(client: Any) -> dict[str, float]:
    """Seconds of logging the network of examples/hyperparam, first and again, with signature and example."""
    sys.path.insert(0, str(_EXAMPLE))
    import dataset
    import network

    split = dataset.load("", "", seed=1)
    built = network.build(split)
    built.compile(optimizer="sgd", loss="mse")
    signature = client.models.infer_signature(split.features, built.predict(split.features, verbose=0))
    taken = []
    with client.start_run():
        client.log_metric("loss", 1.0)
        for name in ("first", "again"):
            began = time.perf_counter()
            client.tensorflow.log_model(
                built, name=name, signature=signature, input_example=split.features[:5]
            )
            taken.append(time.perf_counter() - began)
    return {"first_s": taken[0], "again_s": taken[1]}


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measures what the command line says."""
    what, name, *more = sys.argv[1:]
    if what == "weight":
        found = weight(name)
    elif what == "model":
        found = model(importlib.import_module(name))
    else:
        how, count = more
        options = {"synchronous": False} if how == "async" else {}
        measure = {"latency": latency, "drain": drain}[what]
        found = measure(importlib.import_module(name), options, int(count))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
