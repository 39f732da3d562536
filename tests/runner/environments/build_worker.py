"""A process that asks for an environment, as a runner would: `build_worker.py ORDER.json`.

The order: `cache_dir`, `environ`, `requirements`, `python`, and `stall`, a step of the build at which to say
so on standard output and stay, until killed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from runner.environments.ensure import ensure
from runner.errors import RunnerError
from runner.events import EnvironmentProgress, Event
from runner.model.environment import EnvironmentSpec
from runner.stop import Stop, Stopped


def main() -> int:
    order = json.loads(Path(sys.argv[1]).read_text())
    stop = Stop()
    if order.get("catch_signals"):
        import signal

        signal.signal(signal.SIGTERM, lambda number, _: stop.request(number))

    def listener(event: Event) -> None:
        if isinstance(event, EnvironmentProgress):
            print(f"step {event.step}", flush=True)
            if order.get("stall") and event.step.startswith(order["stall"]):
                print("stalled", flush=True)
                time.sleep(120)

    spec = EnvironmentSpec(
        kind="virtualenv",
        python=order["python"],
        requirements=tuple(order["requirements"]),
        directory=order["cache_dir"],
    )
    try:
        with stop.interruptible():
            environment, built = ensure(
                spec,
                cache_dir=Path(order["cache_dir"]),
                environ=order["environ"],
                listener=listener,
                timeout_s=100,
            )
    except RunnerError as error:
        print(f"error {error}", flush=True)
        return error.exit_code
    except Stopped:
        print("stopped", flush=True)
        return 130
    print(f"done {int(built)} {environment.directory}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
