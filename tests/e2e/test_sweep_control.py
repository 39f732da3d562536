"""What can be done with a sweep while it runs and afterwards: from another terminal, and with Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.gated_sweeps import SWEEP, closed_gate
from tests.e2e.sweeps import (
    LOCAL,
    declared,
    kept_sweeps,
    programs,
    state,
    the_sweep,
    trials_of,
    worker_process,
)
from tests.e2e.terminal import User, wait_until
from tests.e2e.test_death import address_of, serve
from tests.processes import has_ended, wait_for_end

SIZE = 6
QUICK = """
method: random
metric: {name: loss}
parameters: {x: {min: -5.0, max: 5.0}}
max_trials: 2
seed: 1
"""


def ended(runner: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = runner.communicate(timeout=90)
    return runner.returncode, out, err


def check_complete(user: User, trials: int = SIZE) -> None:
    """Each trial has finished exactly once, and nothing runs."""
    kept = the_sweep()
    assert kept.state == "finished"
    assert sorted(kept.ledger.over) == list(range(trials))
    finished = [
        [run for run in attempts if run.info.status == "FINISHED"]
        for attempts in trials_of(user, kept).values()
    ]
    assert [len(runs) for runs in finished] == [1] * trials
    assert user.client.get_run(kept.folder.run_id).info.status == "FINISHED"


def _said_it_ends(runner: subprocess.Popen[str]) -> bool:
    assert runner.stderr is not None
    for line in iter(runner.stderr.readline, ""):
        if line == "no new trials, and Ctrl-C again stops the 2 that run: stopped by SIGINT\n":
            return True
    return False


# Looking.


def test_a_running_sweep_is_listed_and_shown_from_elsewhere_and_nobody_else_can_run_it(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        run_id = the_sweep().folder.run_id

        listed = user.types("sweep", "list")
        as_json = json.loads(user.types("sweep", "list", "--json").out)
        shown = user.types("sweep", "show", run_id[:8])
        shown_json = json.loads(user.types("sweep", "show", run_id, "--json").out)
        resumed = user.types("sweep", "resume", run_id)
        extended = user.types("sweep", "extend", run_id, "--max-trials", "9")
        gate.open()
        code, _, err = ended(runner)

    assert listed.code == 0
    head, row = listed.out.splitlines()
    assert head.split() == ["RUN", "SWEEP", "STATE", "TRIALS", "BEST", "BEGAN"]
    assert row.split()[:5] == [run_id, "find", "running", "0/6", "-"]
    assert [(one["run_id"], one["state"]) for one in as_json] == [(run_id, "running")]
    assert shown.code == 0
    assert shown.out.splitlines()[0] == "find: 0 trials; running"
    assert [line.split()[0] for line in shown.out.splitlines()[2:]] == ["trial-001", "trial-002"]
    assert all(line.endswith("running") for line in shown.out.splitlines()[2:])
    assert [trial["status"] for trial in shown_json["trials"]] == ["RUNNING", "RUNNING"]
    for refused in (resumed, extended):
        assert refused.code == 2
        assert f"is being run by another process (pid {runner.pid} on " in refused.err
        assert "runner sweep stop" in refused.err
    assert code == 0, err
    check_complete(user)


def test_a_sweep_that_is_over_is_shown_with_all_its_trials(user: User) -> None:
    with closed_gate(user) as gate:
        gate.open()
        done = user.types("run", "-e", "find", "project", *LOCAL, GATE=str(gate.path))
    assert done.code == 0, done.err

    shown = user.types("sweep", "show", the_sweep().folder.run_id).out.splitlines()
    listed = user.types("sweep", "list").out.splitlines()

    best = the_sweep().ledger.best_trial()
    assert best is not None
    assert shown[0] == "find: 6 trials; finished"
    assert shown[1].split()[:3] == ["best", best.name, "loss"]
    rows = [line.split() for line in shown if line.startswith("trial-")]
    assert [row[0] for row in rows] == [f"trial-{number:03}" for number in range(1, 7)]
    assert all(row[3] == "finished" for row in rows)
    assert f"({best.name})" in listed[1]
    assert "finished" in listed[1]


def test_what_is_asked_of_no_sweep_is_refused(user: User) -> None:
    assert user.types("sweep", "list").out == ""
    assert user.types("sweep", "list", "--json").out.strip() == "[]"
    for arguments in (["show"], ["stop"], ["resume"], ["extend", "--max-trials", "3"]):
        command, *options = arguments
        done = user.types("sweep", command, "0123abcd", *options)
        assert done.code == 2
        assert "no sweep '0123abcd' was run on this machine" in done.err
        assert "runner sweep list" in done.err


# Stopping.


def test_stop_lets_the_running_trials_finish_and_resume_runs_the_rest(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        run_id = the_sweep().folder.run_id

        stopped = user.types("sweep", "stop", run_id)
        assert _said_it_ends(runner)
        gate.open()
        code, out, err = ended(runner)

        assert stopped.code == 0, stopped.err
        assert code == 130, err
        assert out.startswith("find: 2 trials, in ")
        assert "stopped: stopped by SIGINT" in out
        assert f"`runner sweep resume {run_id}` goes on with it" in err
        parent = user.client.get_run(run_id)
        assert parent.info.status == "KILLED"
        assert parent.data.tags["runner.sweep.state"] == "stopped"
        assert [run.info.status for run in user.runs(f"tags.`mlflow.parentRunId` = '{run_id}'")] == [
            "FINISHED"
        ] * 2
        assert the_sweep().state == "stopped"
        again = user.types("sweep", "stop", run_id)
        assert (again.code, "does not run: it is stopped" in again.err) == (2, True)

        resumed = user.types("sweep", "resume", run_id, GATE=str(gate.path))

        assert resumed.code == 0, resumed.err
        assert "find goes on, 2 over: 6 trials, 2 at once" in resumed.err
        check_complete(user)
        assert all(len(attempts) == 1 for attempts in trials_of(user, the_sweep()).values())


def test_stop_now_ends_the_trials_and_they_are_launched_again_when_it_is_resumed(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        run_id = the_sweep().folder.run_id

        stopped = user.types("sweep", "stop", run_id, "--now")
        code, out, err = ended(runner)

        assert stopped.code == 0, stopped.err
        assert code == 143, err
        assert "find: 0 trials" in out
        runs = trials_of(user, the_sweep())
        assert [[run.info.status for run in attempts] for attempts in runs.values()] == [["KILLED"]] * 2
        assert {run.data.tags["runner.sweep.cause"] for a in runs.values() for run in a} == {"stopped"}
        assert not list(programs())

        gate.open()
        resumed = user.types("sweep", "resume", run_id, GATE=str(gate.path))

        assert resumed.code == 0, resumed.err
        check_complete(user)
        assert [len(attempts) for attempts in trials_of(user, the_sweep()).values()] == [2, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C twice", "then SIGTERM"])
def test_a_second_ctrl_c_ends_the_running_trials(user: User, second: signal.Signals) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()

        runner.send_signal(signal.SIGINT)
        assert _said_it_ends(runner)
        assert gate.waiting() == 2
        runner.send_signal(second)
        code, out, err = ended(runner)

        assert code == 130, err
        assert "stopped by SIGINT" in out
        assert not list(programs())
        assert {run.info.status for run in user.runs()} == {"KILLED"}
        assert the_sweep().state == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_end_the_sweep_and_its_trials_at_once(user: User, number: signal.Signals) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()

        runner.send_signal(number)
        code, out, err = ended(runner)

        assert code == 128 + number, err
        assert f"stopped by {number.name}" in out
        assert not list(programs())
        assert {run.info.status for run in user.runs()} == {"KILLED"}
        worker = worker_process(the_sweep())
        wait_until(lambda: worker is None or has_ended(worker.pid))


# Going on.


def test_the_same_command_goes_on_with_a_crashed_sweep_and_adopts_its_trials(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        running = {run.info.run_id for run in user.runs("tags.`runner.sweep.trial` LIKE '%'")}
        runner.kill()
        runner.communicate()
        assert the_sweep().state == "interrupted"
        assert gate.waiting() == 2  # nobody ended them
        assert "interrupted" in user.types("sweep", "list").out

        again = gate.user.start("run", "-e", "find", "project", *LOCAL, GATE=str(gate.path))
        gate.started.append(again)
        wait_until(lambda: the_sweep().state == "running")
        gate.open()
        code, _, err = ended(again)

        assert code == 0, err
        assert "this sweep was interrupted after 0 trials and goes on (--new-sweep begins anew)" in err
        assert "find goes on, 0 over: 6 trials, 2 at once" in err
        check_complete(user)
        runs = trials_of(user, the_sweep())
        assert {attempts[0].info.run_id for attempts in runs.values()} >= running
        assert all(len(attempts) == 1 for attempts in runs.values())


def test_new_sweep_begins_anew_beside_a_crashed_one_which_can_still_be_resumed(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        runner.kill()
        runner.communicate()
        crashed = the_sweep().folder.run_id
        gate.open()

        done = user.types("run", "-e", "find", "project", *LOCAL, "--new-sweep", GATE=str(gate.path))

        assert done.code == 0, done.err
        assert "interrupted" not in done.err
        assert {kept.folder.run_id: kept.state for kept in kept_sweeps()}[crashed] == "interrupted"
        assert len(kept_sweeps()) == 2
        resumed = user.types("sweep", "resume", crashed, GATE=str(gate.path))
        assert resumed.code == 0, resumed.err
        assert [kept.state for kept in kept_sweeps()] == ["finished"] * 2


def test_the_same_command_begins_anew_after_a_sweep_that_was_stopped(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        runner.send_signal(signal.SIGTERM)
        ended(runner)
        gate.open()

        done = user.types("run", "-e", "find", "project", *LOCAL, GATE=str(gate.path))

        assert done.code == 0, done.err
        assert sorted(kept.state for kept in kept_sweeps()) == ["finished", "stopped"]


def test_extend_gives_a_finished_sweep_more_trials_and_records_it(user: User) -> None:
    with closed_gate(user) as gate:
        gate.open()
        gate_path = str(gate.path)
        done = user.types("run", "-e", "find", "project", *LOCAL, "--sweep", "max_trials=3", GATE=gate_path)
        assert done.code == 0, done.err
        run_id = the_sweep().folder.run_id
        before = trials_of(user, the_sweep())

        over = user.types("sweep", "resume", run_id)
        fewer = user.types("sweep", "extend", run_id, "--max-trials", "2")
        extended = user.types("sweep", "extend", run_id, "--max-trials", "5", "--json", GATE=gate_path)
        once_more = user.types("sweep", "extend", run_id, "--max-trials", str(SIZE), GATE=gate_path)

        assert (over.code, "extend" in over.err) == (2, True)
        assert (fewer.code, "has 3 trials already" in fewer.err) == (2, True)
        assert extended.code == 0, extended.err
        described = json.loads(extended.out)
        assert (described["max_trials"], described["trials_over"]) == (5, 5)
        assert once_more.code == 0, once_more.err
        check_complete(user)
        after = trials_of(user, the_sweep())
        assert {n: runs[0].info.run_id for n, runs in before.items()}.items() <= {
            n: runs[0].info.run_id for n, runs in after.items()
        }.items()
        tags = user.client.get_run(run_id).data.tags
        assert (tags["runner.sweep.trials"], tags["runner.sweep.extended"]) == ("6", "3 -> 5 -> 6")


def test_a_sweep_cannot_be_resumed_where_its_record_is_not(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        runner.kill()
        runner.communicate()
        gate.open()

        resumed = user.types(
            "sweep", "resume", the_sweep().folder.run_id, MLFLOW_TRACKING_URI="http://127.0.0.1:9"
        )

        # It knows where it is tracked, whatever the variable says now.
        assert resumed.code == 0, resumed.err
        check_complete(user)


def test_the_worker_and_its_trials_survive_the_orchestrator_and_end_by_themselves(user: User) -> None:
    with closed_gate(user, SWEEP.replace("max_trials: 6", "max_trials: 2")) as gate:
        runner = gate.start()
        worker = worker_process(the_sweep())
        runner.kill()
        runner.communicate()
        assert worker is not None
        assert not has_ended(worker.pid)
        gate.open()

        wait_until(lambda: gate.waiting() == 0)
        done = user.types("sweep", "resume", the_sweep().folder.run_id, GATE=str(gate.path))

        assert done.code == 0, done.err
        check_complete(user, 2)
        wait_for_end(worker, 30)


def test_a_password_in_the_tracking_uri_is_never_shown_nor_kept_and_a_resumed_sweep_still_uses_it(
    user: User, tmp_path: Path
) -> None:
    store = tmp_path / "server"
    store.mkdir()
    server = serve(user, store)
    try:
        url, _ = address_of(store)
        user.environ["MLFLOW_TRACKING_URI"] = url.replace("://", "://someone:dont-show-me@")
        user.project(declared(QUICK))
        done = [
            user.types("run", "-e", "train", "project", "-P", "x=1", *LOCAL),
            user.types("run", "-e", "find", "project", *LOCAL),
            user.types("sweep", "list", "--json"),
        ]
        kept = the_sweep()
        done += [
            user.types("sweep", "show", kept.folder.run_id),
            user.types("sweep", "extend", kept.folder.run_id, "--max-trials", "4"),
        ]
        assert [each.code for each in done] == [0] * 5, [each.err for each in done]
        assert not [each for each in done if "dont-show-me" in each.out + each.err]
        kept_files = [path for path in state().rglob("*") if path.is_file()]
        assert not [path for path in kept_files if b"dont-show-me" in path.read_bytes()]
        assert len(the_sweep().ledger.over) == 4
    finally:
        server.terminate()
        server.communicate()
