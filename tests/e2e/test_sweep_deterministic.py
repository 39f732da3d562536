"""A deterministic sweep gives the same trials for any number of workers, whichever of them is the faster."""

from __future__ import annotations

from tests.e2e.sweeps import LOCAL, declared, kept_sweeps
from tests.e2e.terminal import User

TRIALS = 10
SWEEP = f"""
method: tpe
engine_options: {{n_startup_trials: 3}}
metric: {{name: loss, goal: minimize}}
parameters:
  x: {{min: -5.0, max: 5.0}}
max_trials: {TRIALS}
seed: 11
deterministic: true
window: 8
"""
# Each process takes a time of its own.
TRAIN = """
import random, sys, time
import tracking_client as mlflow
x = float(sys.argv[1])
with mlflow.start_run():
    time.sleep(random.uniform(0, 0.4))
    if x > 3:
        raise SystemExit("too large")
    mlflow.log_metric("loss", (x - 1) ** 2)
"""


def test_1_2_4_and_8_workers_with_random_durations_try_the_same_parameters(user: User) -> None:
    user.project(declared(SWEEP, train=TRAIN))
    found = {}
    for workers in (1, 2, 4, 8):
        done = user.types(
            *("run", "-e", "find", "project", *LOCAL, "--new-sweep"),
            *("--sweep", f"parallel={workers}"),
        )
        assert done.code == 0, done.err
        ledger = kept_sweeps()[0].ledger
        assert len(ledger.over) == TRIALS
        found[workers] = (
            [ledger.points[number].params for number in range(TRIALS)],
            [ledger.values(number) for number in range(TRIALS)],
            ledger.best_point,
        )

    assert found[2] == found[1]
    assert found[4] == found[1]
    assert found[8] == found[1]
