"""What goes wrong in sweeps elsewhere, with real processes.

Each pitfall that is known of other tools, and the test that shows that it is none here:

| pitfall | test |
|---|---|
| NaN or infinite objective; metric never logged; sign of a maximised one | `runner/sweeping/test_failures.py`, `runner/search/test_searchers.py` (diverge) |
| metric logged at some steps only | `runner/search/test_stopping.py` (values between the rungs) |
| integers as categories, bounds of logarithms | `runner/search/test_like_fmin.py`, `runner/manifest/test_sweep_words.py` (logarithms as bounds) |
| `1e-5` is a string in YAML | `runner/manifest/test_sweeps.py` (types), here: values reach the program as they are written |
| True against "True" | here: numbers and truths are one text, a value that the program would get twice |
| values with spaces and quotes | here: values reach the program as they are written |
| more than 20 workers at the start of TPE | `runner/search/test_searchers.py` (begins at random until enough are over) |
| parallel > max_trials; a grid smaller than max_trials | here: no more trials than there are |
| duplicates in small spaces | `runner/search/test_searchers.py` (a small space is searched once) |
| max_trials exact under parallelism | `runner/sweeping/test_agenda.py` (the budget is used exactly) |
| every trial fails from the beginning | here: a program that always fails |
| two orchestrators on one sweep | here: a sweep has one driver |
| more than 1000 runs in a search | `runner/sweeping/test_watching.py` (beyond one page) |
| the server away, restarted, or overloaded (429) | here: a server that refuses for a while; `test_sweep_server_away.py` |
| MLFLOW_RUN_ID of the parent leaks | here: a trial knows its own run only |
| clock jumps | `runner/sweeping/test_ledger.py` |
| a pid that is another process's by now | `runner/test_owner.py`, here: a worker's pid that is somebody else's |
| GPUs of slots | here: trials that run at once have GPUs of their own; `runner/sweeping/test_slots.py` |
| no file locks of NFS | `runner/test_lease.py` |
| parameters cannot be changed at a retry | here: each attempt has a run of its own |
| parameters that are too long | here: a value that is longer than the server keeps |
"""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from runner.owner import Owner
from tests.e2e.relay import Relay
from tests.e2e.sweeps import LOCAL, declared, kept_sweeps, the_sweep, trials_of
from tests.e2e.terminal import User, wait_until
from tracking_client.wire.entities import Run

ARGUMENT = """
import json, os, sys
import tracking_client as mlflow
given = os.environ["MLFLOW_RUN_ID"]
with mlflow.start_run() as run:
    mlflow.set_tag("argument", json.dumps(sys.argv[1]))
    mlflow.set_tag("variable", json.dumps([given, run.info.run_id]))
    mlflow.set_tag("gpus", os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    mlflow.log_metric("loss", len(sys.argv[1]))
"""
HOSTILE = ["a b", "it's", 'say "x"', "$(touch no)", "-x", "käse ☃", "a\\b", "; exit 1", "1e-5", "*", ""]


def project(sweep: str, train: str, kind: str = "string") -> dict[str, str]:
    """A project whose trials get one parameter of that kind."""
    files = declared(sweep, train=train)
    manifest = files["MLproject"].replace("x: float", f"x: {kind}").replace(" {x} {seconds}", " {x}")
    return {**files, "MLproject": manifest.replace("      seconds: {type: float, default: 0.0}\n", "")}


def grid(values: str, more: str = "") -> str:
    metric = "metric: {name: loss, goal: minimize}"
    return f"method: grid\n{metric}\nparameters:\n  x: {{values: {values}}}\n{more}"


def test_values_reach_the_program_as_they_are_written_whatever_is_in_them(user: User) -> None:
    user.project(project(grid(json.dumps(HOSTILE), "parallel: 2"), ARGUMENT))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 0, done.err
    runs = trials_of(user, the_sweep())
    assert [json.loads(runs[n][0].data.tags["argument"]) for n in range(len(HOSTILE))] == HOSTILE
    assert [runs[n][0].data.params["x"] for n in range(len(HOSTILE))] == HOSTILE
    assert not list(user.directory.rglob("no"))


@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        ("float", "[1e-5, 0.1, 3]", ["1e-05", "0.1", "3.0"]),
        ("string", "[true, 'true', 1]", ["True", "true", "1"]),
        ("bool", "[true, false]", ["True", "False"]),
    ],
)
def test_numbers_and_truths_are_one_text_in_the_record_and_to_the_program(
    user: User, kind: str, values: str, texts: list[str]
) -> None:
    user.project(project(grid(values), ARGUMENT, kind))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 0, done.err
    runs = [attempts[0] for _, attempts in sorted(trials_of(user, the_sweep()).items())]
    assert [run.data.params["x"] for run in runs] == texts
    assert [json.loads(run.data.tags["argument"]) for run in runs] == texts


@pytest.mark.parametrize(
    ("kind", "values", "twice"),
    [
        ("string", "[true, 'True', 1]", "True"),
        ("string", "[1, '1']", "1"),
        ("float", "[2, 2.0]", "2.0"),
        ("bool", "[true, 1]", "1"),
    ],
)
def test_a_value_that_the_program_would_get_twice_is_refused(
    user: User, kind: str, values: str, twice: str
) -> None:
    user.project(project(grid(values), ARGUMENT, kind))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 2, done.err
    assert "MLproject:" in done.err
    assert f"the value '{twice}' of 'x' is there twice" in done.err


def test_there_are_no_more_trials_than_there_is_to_try_however_many_could_run(user: User) -> None:
    user.project(project(grid("[a, b, c]", "max_trials: 10\nparallel: 8"), ARGUMENT))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 0, done.err
    assert "find begins: 3 trials, 8 at once" in done.err
    assert len(trials_of(user, the_sweep())) == 3
    assert the_sweep().reason == "nothing is left to try"


def test_a_program_that_always_fails_ends_the_sweep_after_three_trials_and_is_shown(user: User) -> None:
    user.project(project(grid("[a, b, c, d, e, f]"), "raise RuntimeError('no such table')\n"))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 1
    assert "RuntimeError: no such table" in done.err
    kept = the_sweep()
    assert len(kept.ledger.over) == 3
    parent = user.client.get_run(kept.folder.run_id)
    assert (parent.info.status, parent.data.metrics["trials_failed"]) == ("FAILED", 3)


WAITS = ARGUMENT.replace(
    "    mlflow.log_metric",
    "    import pathlib, time\n    until = time.time() + 60\n"
    "    while not pathlib.Path.home().joinpath('go').exists() and time.time() < until:\n"
    "        time.sleep(0.02)\n    mlflow.log_metric",
)


def test_a_sweep_has_one_driver(user: User) -> None:
    user.project(project(grid("[a, b]"), WAITS))
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    wait_until(lambda: [run for run in user.runs() if run.data.tags.get("argument")])
    other = user.types("sweep", "resume", the_sweep().folder.run_id)
    Path(os.environ["HOME"], "go").touch()
    runner.communicate(timeout=90)
    assert runner.returncode == 0
    assert other.code == 2
    assert f"is being run by another process (pid {runner.pid} on" in other.err
    assert len(trials_of(user, the_sweep())) == 2


def test_trials_that_run_at_once_have_gpus_of_their_own_after_an_adoption_too(user: User) -> None:
    user.project(project(grid("[a, b, c, d]", "parallel: 2\nresources: {gpus: 2}"), WAITS))
    user.environ["CUDA_VISIBLE_DEVICES"] = "7,5,GPU-1,3"
    runner = user.start("run", "-e", "find", "project", *LOCAL)

    def started() -> list[Run]:
        return [run for run in user.runs() if run.data.tags.get("gpus")]

    wait_until(lambda: len(started()) == 2)
    runner.kill()
    runner.communicate()
    first = {run.data.tags["runner.sweep.trial"]: run.data.tags["gpus"] for run in started()}
    Path(os.environ["HOME"], "go").touch()

    resumed = user.types("sweep", "resume", the_sweep().folder.run_id)

    assert resumed.code == 0, resumed.err
    assert first == {"0": "7,5", "1": "GPU-1,3"}
    kept = the_sweep()
    assert {number: kept.ledger.slots[number] for number in (0, 1)} == {0: 0, 1: 1}
    gpus = {runs[0].data.tags["gpus"] for runs in trials_of(user, kept).values()}
    assert gpus == {"7,5", "GPU-1,3"}


NESTED = """
import os
import runner
import tracking_client as mlflow
with mlflow.start_run() as run:
    result = runner.sweep("project", "find", env_manager="local")
    assert result, result
    print(run.info.run_id, result.run_id, flush=True)
"""


def test_a_trial_knows_its_own_run_only_though_the_sweep_is_part_of_another(user: User) -> None:
    user.project(project(grid("[a, b]"), ARGUMENT))
    done = user.python(NESTED)
    assert done.code == 0, done.err
    outer, inner = done.out.split()[-2:]
    assert user.client.get_run(inner).data.tags["mlflow.parentRunId"] == outer
    for number, (run,) in trials_of(user, the_sweep()).items():
        assert json.loads(run.data.tags["variable"]) == [run.info.run_id] * 2, number
        assert run.data.tags["mlflow.parentRunId"] == inner


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_refuses_for_a_while_costs_no_trial(user: User, relay: Relay, status: int) -> None:
    user.project(project(grid("[a, b, c]", "parallel: 2"), ARGUMENT))
    runner = user.start("run", "-e", "find", "project", *LOCAL)
    wait_until(lambda: any("runs/create" in request for request in relay.requests))
    relay.refuse(status)
    wait_until(lambda: relay.refused >= 3)
    threading.Timer(3.0, relay.refuse, args=(None,)).start()
    _, err = runner.communicate(timeout=150)
    assert runner.returncode == 0, err
    kept = the_sweep()
    assert sorted(kept.ledger.over) == [0, 1, 2]
    assert [len(runs) for runs in trials_of(user, kept).values()] == [1, 1, 1]
    assert user.client.get_run(kept.folder.run_id).data.metrics["trials_finished"] == 3


def test_a_trial_that_needs_more_than_the_machine_has_is_refused_before_anything_is_recorded(
    user: User,
) -> None:
    user.project(project(grid("[a, b]", "resources: {gpus: 2}"), ARGUMENT))
    done = user.types("run", "-e", "find", "project", *LOCAL, CUDA_VISIBLE_DEVICES="0")
    assert done.code == 2
    assert "a trial needs more than this machine has: 1 GPU\n" in done.err
    assert user.runs() == []
    assert kept_sweeps() == []


def test_a_workers_pid_that_is_somebody_elses_by_now_is_nobody(user: User) -> None:
    user.project(project(grid("[a, b]"), ARGUMENT))
    assert user.types("run", "-e", "find", "project", *LOCAL).code == 0
    kept = the_sweep()
    journal = kept.folder.journal.path
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-3]))
    us = {**Owner.current().as_json(), "process_started": "1"}
    for lease in (kept.folder.lease.path, kept.folder.worker / "worker.lease"):
        lease.write_text(json.dumps({"token": "old", "owner": us}))

    resumed = user.types("sweep", "resume", kept.folder.run_id)

    assert resumed.code == 0, resumed.err
    assert sorted(the_sweep().ledger.over) == [0, 1]


FAILS_ONCE = ARGUMENT.replace(
    "    mlflow.log_metric",
    "    import pathlib\n    mark = pathlib.Path.home() / sys.argv[1]\n    if not mark.exists():\n"
    "        mark.touch()\n        sys.exit(3)\n    mlflow.log_metric",
)


def test_each_attempt_has_a_run_of_its_own(user: User) -> None:
    user.project(project(grid("[a, b]", "retries: {max: 1, on: [crashed]}"), FAILS_ONCE))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 0, done.err
    for attempts in trials_of(user, the_sweep()).values():
        assert [run.info.status for run in attempts] == ["FAILED", "FINISHED"]
        assert len({run.data.params["x"] for run in attempts}) == 1


def test_a_value_that_is_longer_than_the_server_keeps_reaches_the_program_whole(user: User) -> None:
    user.project(project(grid(json.dumps(["a", "b" * 7000])), ARGUMENT))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 0, done.err
    run = trials_of(user, the_sweep())[1][0]
    assert run.data.metrics["loss"] == 7000
    assert run.data.params["x"] == "b" * 6000


LEAVES_A_CHILD = ARGUMENT.replace(
    "    mlflow.log_metric",
    "    import subprocess\n    subprocess.Popen(['sleep', '600'])\n"
    "    print('x' * 5_000_000, flush=True)\n    print(os.environ['API_TOKEN'])\n    mlflow.log_metric",
)


def test_children_that_outlive_a_trial_and_much_output_and_secrets_do_no_harm(user: User) -> None:
    secret = "tell-nobody-0123456789"
    user.environ["API_TOKEN"] = secret
    failing = LEAVES_A_CHILD + "    if sys.argv[1] == 'b': raise SystemExit(os.environ['API_TOKEN'])\n"
    user.project(project(grid("[a, b]"), failing))
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 0, done.err
    folder = the_sweep().folder.path
    assert secret not in done.out + done.err
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert folder / "journal.jsonl" in kept
    for path in kept:
        assert secret.encode() not in path.read_bytes(), path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "journal.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "worker/key").stat().st_mode) == 0o600


def test_modules_of_the_users_in_the_way_are_not_taken_for_ours(user: User) -> None:
    folder = user.project(project(grid("[a]"), ARGUMENT))
    for name in ("queue", "random", "select", "yaml", "runner", "tracking_client"):
        (user.directory / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    done = user.python(
        "import sys; sys.path[:] = [p for p in sys.path if p]\n"
        "from runner.cli.main import main\nsys.argv[0] = 'runner'\nsys.exit(main())",
        *("run", "-e", "find", str(folder), *LOCAL),
    )
    assert done.code == 0, done.err


def test_a_folder_with_a_long_name_has_room_for_a_socket(user: User, tmp_path: Path) -> None:
    user.project(project(grid("[a]"), ARGUMENT))
    user.environ |= {
        "RUNNER_STATE_DIR": str(tmp_path / ("s" * 120)),
        "TMPDIR": str(tmp_path / ("t" * 120)),
    }
    Path(user.environ["TMPDIR"]).mkdir()
    done = user.types("run", "-e", "find", "project", *LOCAL)
    assert done.code == 0, done.err
