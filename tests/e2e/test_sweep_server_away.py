"""A tracking server that is away for longer than anybody retries: the sweep waits, and loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.e2e.relay import Relay
from tests.e2e.sweeps import LOCAL, declared, the_sweep, trials_of
from tests.e2e.terminal import User, wait_until

SWEEP = """
method: random
metric: loss
parameters: {x: {min: -5, max: 5}}
max_trials: 5
parallel: 2
seed: 7
"""

TRAIN = """
import pathlib, sys, time
import tracking_client as mlflow
x = float(sys.argv[1])
home = pathlib.Path.home()
with mlflow.start_run():
    home.joinpath(f"begun {x}").touch()
    until = time.monotonic() + 120
    while not home.joinpath("go").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    mlflow.log_metric("loss", (x - 1) ** 2)
    mlflow.log_text(f"it was {x}", "note.txt")
"""

IMPATIENT = {"RUNNER_HTTP_DEADLINE_S": "1", "RUNNER_FLUSH_DEADLINE_S": "0.5"}


def deprived_of_its_server(user: User, relay: Relay) -> subprocess.Popen[str]:
    """A sweep two of whose trials have ended, and others cannot begin, since the server answers nobody."""
    user.environ.update(IMPATIENT)
    user.project(declared(SWEEP, train=TRAIN))
    home = Path(os.environ["HOME"])
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    wait_until(lambda: len(list(home.glob("begun *"))) == 2)
    relay.refuse(503)
    home.joinpath("go").touch()
    read_until(
        runner, "trials wait for the server before they begin", "a trial's result waits for the server"
    )
    return runner


def read_until(runner: subprocess.Popen[str], *said: str) -> None:
    """Reads its lines until all of this was said."""
    left = set(said)
    assert runner.stderr is not None
    while left:
        line = runner.stderr.readline()
        assert line, f"it ended before it said {left}"
        left = {words for words in left if words not in line}


def check_complete(user: User, into: Path) -> None:
    kept = the_sweep()
    assert sorted(kept.ledger.over) == [0, 1, 2, 3, 4]
    assert kept.ledger.failed == 0
    for number, trial in kept.ledger.trials.items():
        run = trials_of(user, kept)[number][-1]
        assert run.info.status == "FINISHED"
        x = float(trial.params["x"])
        assert trial.result is not None
        assert trial.result.values == (run.data.metrics["loss"],) == ((x - 1) ** 2,)
        assert user.artifact(run, "note.txt", into) == f"it was {x}"
    assert not [run for run in user.runs() if run.info.status == "RUNNING"]


def test_trials_begin_and_have_results_when_the_server_is_back(
    user: User, relay: Relay, tmp_path: Path
) -> None:
    runner = deprived_of_its_server(user, relay)

    relay.refuse(None)
    _, err = runner.communicate(timeout=150)

    assert runner.returncode == 0, err
    check_complete(user, tmp_path)
    assert [len(attempts) for attempts in trials_of(user, the_sweep()).values()] == [1, 1, 1, 1, 1]


def test_a_sweep_that_is_stopped_while_the_server_is_away_is_resumed_without_a_loss(
    user: User, relay: Relay, tmp_path: Path
) -> None:
    runner = deprived_of_its_server(user, relay)

    runner.send_signal(signal.SIGINT)
    read_until(runner, "Ctrl-C again stops")
    runner.send_signal(signal.SIGINT)
    runner.communicate(timeout=60)
    relay.refuse(None)
    resumed = user.types("sweep", "resume", the_sweep().folder.run_id)

    assert resumed.code == 0, resumed.err
    check_complete(user, tmp_path)
