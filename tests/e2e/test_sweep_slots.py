"""As many trials run side by side as there are slots, and a slot is free as soon as its trial is over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.relay import Relay
from tests.e2e.sweeps import LOCAL, declared, the_sweep, trials_of
from tests.e2e.terminal import User, wait_until

SWEEP = """
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {min: 1, max: 64, step: 1}
  seconds: {value: 0.0}
parallel: 64
"""
MEETING = """
import os, pathlib, sys, time
import tracking_client as mlflow
place = pathlib.Path(os.environ["MEETING_PLACE"])
(place / sys.argv[1]).touch()
with mlflow.start_run():
    until = time.monotonic() + 100
    while len(list(place.iterdir())) < 64:
        assert time.monotonic() < until, "the others have not come"
        time.sleep(0.1)
    mlflow.log_metric("loss", float(sys.argv[1]))
"""

# Its results are the least values, for which the server is asked for the history of each trial.
TWO_BY_TWO = """
metric: {name: loss, goal: minimize, mode: min}
parameters:
  x: {min: 0, max: 1}
  seconds: {value: 0.0}
max_trials: 4
parallel: 2
seed: 1
"""
BEGINS = """
import os, pathlib, sys
import tracking_client as mlflow
with mlflow.start_run() as run:
    (pathlib.Path.home() / f"began-{run.info.run_id}").touch()
    for value in (2.0, 1.0, 3.0):
        mlflow.log_metric("loss", value)
"""


def begun() -> int:
    return len(list(Path(os.environ["HOME"]).glob("began-*")))


def test_64_trials_that_wait_for_one_another_meet(user: User) -> None:
    place = user.directory / "meeting"
    place.mkdir()
    user.project(declared(SWEEP, train=MEETING))

    done = user.types("run", "-e", "find", "project", *LOCAL, MEETING_PLACE=str(place))

    assert done.code == 0, done.err
    ledger = the_sweep().ledger
    assert len(ledger.over) == 64
    assert ledger.failed == 0
    assert len(trials_of(user, the_sweep())) == 64


@pytest.mark.parametrize("method", ["random", "tpe\ndeterministic: true"])
def test_the_next_trials_begin_before_a_result_is_known_where_they_need_none(
    user: User, relay: Relay, method: str
) -> None:
    relay.delay("/metrics/get-history")
    user.project(declared(f"method: {method}\n{TWO_BY_TWO}", train=BEGINS))
    sweep = user.start("run", "-e", "find", "project", *LOCAL)
    try:
        wait_until(lambda: begun() == 4)
        assert relay.delayed
        assert the_sweep().ledger.over == []
    finally:
        relay.hold_nothing()
        _, err = sweep.communicate(timeout=120)

    assert sweep.returncode == 0, err
    results = [trial.result for trial in the_sweep().ledger.trials.values()]
    assert [result and result.values for result in results] == [(1.0,)] * 4
