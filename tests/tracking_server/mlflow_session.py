"""A program that uses MLflow's own client against the server it is given, and prints what went wrong.

Run by `test_real_mlflow_client.py` in a process of its own, since the client keeps state in its environment:
`python -m tests.tracking_server.mlflow_session URL`. Each function of `tests/mlflow_compat` is one test; the
output is a JSON object of name to problem or null. All share one process: importing MLflow takes seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback

import mlflow

from tests.mlflow_compat import artifacts, commands, models, runs
from tests.mlflow_compat.coverage import Calls


def main(url: str) -> None:
    """Run every test and print the problems, with the calls that none of them makes."""
    calls = Calls()
    mlflow.set_tracking_uri(url)
    os.environ["MLFLOW_TRACKING_URI"] = url
    mlflow.set_experiment("the experiment")
    problems: dict[str, str | None] = {}
    for test in (*runs.TESTS, *artifacts.TESTS, *models.TESTS, *commands.TESTS):
        began = time.monotonic()
        try:
            test(mlflow.MlflowClient())
            problems[test.__name__] = None
        except Exception:  # noqa: BLE001  # reported, and the others still run
            problems[test.__name__] = traceback.format_exc()
            mlflow.end_run()
        sys.stderr.write(f"{test.__name__}: {time.monotonic() - began:.1f} s\n")
    missing = calls.missing()
    problems["every public call is made or out of scope"] = f"never called: {missing}" if missing else None
    print("\n" + json.dumps(problems))


if __name__ == "__main__":
    main(sys.argv[1])
