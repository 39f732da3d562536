"""A sweep is resumed from wherever its journal ends, and what somebody missed is caught up on."""

from __future__ import annotations

import signal
from pathlib import Path

from runner.sweeping.again import read_sweep
from runner.sweeping.entries import encode
from tests.e2e.relay import Relay
from tests.e2e.sweeps import LOCAL, declared, programs, the_sweep, trials_of
from tests.e2e.terminal import User, wait_until

SWEEP = """
method: tpe
engine_options: {n_startup_trials: 1}
metric: {name: loss, goal: minimize}
parameters:
  x: {min: -5.0, max: 5.0}
max_trials: 3
parallel: 2
seed: 7
deterministic: true
window: 2
"""
QUICK = """
import sys
import tracking_client as mlflow
with mlflow.start_run():
    mlflow.log_metric("loss", (float(sys.argv[1]) - 1) ** 2)
"""


def test_a_journal_that_ends_after_any_of_its_lines_is_gone_on_with_to_the_same_end(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))
    first = user.types("run", "-e", "find", "project", *LOCAL)
    assert first.code == 0, first.err
    kept = the_sweep()
    points = {number: point.params for number, point in kept.ledger.points.items()}
    path = kept.folder.journal.path
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 12

    for count in range(1, len(lines)):
        path.write_bytes(b"".join(lines[:count]))
        resumed = user.types("sweep", "resume", kept.folder.run_id)

        assert resumed.code == 0, (count, lines[count - 1], resumed.err)
        ledger = read_sweep(kept.folder).ledger
        assert sorted(ledger.over) == [0, 1, 2], count
        assert {number: point.params for number, point in ledger.points.items()} == points, count
        assert ledger.finished is not None
        assert ledger.booked
        parent = user.client.get_run(kept.folder.run_id)
        assert parent.info.status == "FINISHED"
        assert parent.data.metrics["trials_finished"] == 3
        assert parent.data.tags["runner.sweep.state"] == "finished"
    assert not [run for run in user.runs() if run.info.status == "RUNNING"]

    over = user.types("sweep", "resume", kept.folder.run_id)
    assert over.code == 2
    assert "is over" in over.err


def test_figures_that_the_server_did_not_take_are_entered_when_the_sweep_is_resumed(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))
    assert user.types("run", "-e", "find", "project", *LOCAL).code == 0
    kept = the_sweep()
    # A parent that knows nothing, as if the server had been away from the first trial's end to the last.
    blank = user.client.create_run(kept.began.experiment_id).info.run_id
    folder = kept.folder.path.rename(kept.folder.path.with_name(blank))
    journal = folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(kept.folder.run_id.encode(), blank.encode()))
    lines = journal.read_bytes().splitlines(keepends=True)
    assert lines[-1].startswith(b'{"kind": "booked"')
    journal.write_bytes(b"".join(lines[:-1]))

    resumed = user.types("sweep", "resume", blank)

    assert resumed.code == 0, resumed.err
    assert len(trials_of(user, kept)) == 3
    history = user.client.get_metric_history(blank, "trials_finished")
    assert [(point.step, point.value) for point in history] == [(1, 1), (2, 2), (3, 3)]
    parent = user.client.get_run(blank)
    assert parent.data.tags["best_run"] == kept.ledger.best_trial().run_ids[-1]  # type: ignore[union-attr]


def test_an_extended_sweep_says_so_and_knows_its_budget(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))
    assert user.types("run", "-e", "find", "project", *LOCAL).code == 0
    run_id = the_sweep().folder.run_id
    for budget in (4, 6):
        extended = user.types("sweep", "extend", run_id, "--max-trials", str(budget))
        assert extended.code == 0, extended.err

    tags = user.client.get_run(run_id).data.tags
    assert tags["runner.sweep.extended"] == "3 -> 4 -> 6"
    assert tags["runner.sweep.trials"] == "6"
    assert sorted(the_sweep().ledger.over) == list(range(6))


def test_a_trial_that_a_rule_ends_has_its_tags_though_the_sweep_died_at_that_moment(user: User) -> None:
    from runner.sweeping.entries import Condemned

    user.project(declared(SWEEP.replace("parallel: 2", "parallel: 1"), train=WAITING))
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    wait_until(lambda: list(programs()))
    wait_until(lambda: [run for run in user.runs() if run.data.metrics.get("loss")])
    runner.kill()
    runner.communicate()
    kept = the_sweep()
    condemned = Condemned(trial=0, attempt=0, rule="asha", reason="it was behind", step=4, rung=1)
    with kept.folder.journal.path.open("ab") as file:
        file.write(encode(condemned))

    resumed = user.types("sweep", "resume", kept.folder.run_id)

    assert resumed.code == 0, resumed.err
    runs = trials_of(user, kept)
    assert [len(attempts) for attempts in runs.values()] == [1, 1, 1]
    tags = runs[0][0].data.tags
    assert runs[0][0].info.status == "KILLED"
    assert (tags["runner.sweep.stopped_by"], tags["runner.sweep.stopped_at_rung"]) == ("asha", "1")
    result = the_sweep().ledger.trials[0].result
    assert result is not None
    assert (result.stopped_early, result.cause) == ("it was behind", None)


WAITING = """
import os, sys, time
import tracking_client as mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", (float(sys.argv[1]) - 1) ** 2, step=4)
    if os.environ.get("WAIT_FOR") != "nothing" and not os.path.exists(os.path.expanduser("~/waited")):
        open(os.path.expanduser("~/waited"), "w").close()
        time.sleep(600)
"""


def test_whoever_wants_the_end_now_does_not_wait_for_a_server_that_is_away(user: User, relay: Relay) -> None:
    user.project(declared(SWEEP, train=WAITING))
    user.environ["RUNNER_CLOSE_TIMEOUT_S"] = "1"
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    wait_until(lambda: [run for run in user.runs() if run.data.metrics.get("loss")])
    relay.refuse(503)
    runner.send_signal(signal.SIGTERM)
    _, err = runner.communicate(timeout=90)
    assert runner.returncode == 143, err
    relay.refuse(None)

    resumed = user.types("sweep", "resume", the_sweep().folder.run_id, WAIT_FOR="nothing")

    assert resumed.code == 0, resumed.err
    kept = the_sweep()
    assert sorted(kept.ledger.over) == [0, 1, 2]
    wait_until(lambda: not [run for run in user.runs() if run.info.status == "RUNNING"])


def test_a_sweep_of_another_machine_that_is_gone_is_taken_over(user: User, tmp_path: Path) -> None:
    """A container has a new name each time it starts: its earlier self must not hold the sweep for ever."""
    import json
    import os

    user.project(declared(SWEEP, train=QUICK))
    assert user.types("run", "-e", "find", "project", *LOCAL).code == 0
    kept = the_sweep()
    journal = kept.folder.journal.path
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-2]))
    owner = {"host": "elsewhere", "boot_id": "b", "pid": 1, "process_started": "1"}
    for lease in (kept.folder.lease.path, kept.folder.worker / "worker.lease"):
        lease.write_text(json.dumps({"token": "theirs", "owner": owner}))
        os.utime(lease, (0, 0))

    assert the_sweep().state == "interrupted"
    resumed = user.types("sweep", "resume", kept.folder.run_id, timeout_s=240)

    assert resumed.code == 0, resumed.err
    assert "waiting to see whether it still is" in resumed.err
    assert the_sweep().state == "finished"
