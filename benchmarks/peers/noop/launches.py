"""Launches this project again and again from Python, as a sweep launches its trials.

Usage: python launches.py runner|mlflow COUNT. Prints the seconds of each launch, less those of the script run
by hand in turns with it. The first launch is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable


def main() -> None:
    launcher = _launcher(sys.argv[1])
    over_bare_s = []
    for turn in range(1 + int(sys.argv[2])):
        bare_s = _timed(lambda: subprocess.run(["python", "noop.py", "--alpha", "0.5"], check=True))
        launched_s = _timed(launcher)
        if turn:
            over_bare_s.append(launched_s - bare_s)
    print(json.dumps(over_bare_s))


def _launcher(name: str) -> Callable[[], object]:
    if name == "runner":
        import runner

        return lambda: runner.run(".", env_manager="local")
    import mlflow

    return lambda: mlflow.projects.run(".", env_manager="local")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
