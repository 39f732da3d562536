"""As many trials run side by side as there are slots, however few the processors are."""

from __future__ import annotations

from tests.e2e.sweeps import LOCAL, declared, the_sweep, trials_of
from tests.e2e.terminal import User

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
