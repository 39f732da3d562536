"""What a sweep leaves on the tracking server: its own run, those of its trials, and why one has no value."""

from __future__ import annotations

import json

import pytest

from tests.e2e.sweeps import LOCAL, declared, summary_json, the_sweep, trials_of
from tests.e2e.terminal import Done, User

FIND = """
method: grid
metric: {name: loss, goal: minimize}
parameters: {x: [4, 1, 3, 2]}
baseline: {parameters: {x: 5}}
seed: 7
"""
QUICK = """
import sys
import tracking_client as mlflow
mlflow.log_metric("loss", (float(sys.argv[1]) - 1) ** 2)
"""


def run(user: User, *arguments: str) -> Done:
    return user.types("run", "-e", "find", "project", *LOCAL, *arguments)


def test_the_parent_shows_the_best_so_far_and_each_trial_is_nested_in_it(user: User) -> None:
    user.project(declared(FIND, train=QUICK))

    done = run(user, "--run-name", "the search", "--experiment-name", "searches")

    assert done.code == 0, done.err
    kept = the_sweep()
    parent = user.client.get_run(kept.folder.run_id)
    runs = trials_of(user, kept)
    assert (parent.info.run_name, parent.info.status) == ("the search", "FINISHED")

    # The best so far, over the number of trials that are over: 9, 0, 4, 1 come one after the other.
    history = user.client.get_metric_history(parent.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(1, 9.0), (2, 0.0), (3, 0.0), (4, 0.0)]
    metrics = parent.data.metrics
    assert (metrics["trials_finished"], metrics["trials_failed"], metrics["baseline_loss"]) == (4, 0, 16)

    tags = parent.data.tags
    best = runs[1][0]
    assert tags["best_run"] == best.info.run_id
    assert (tags["best_run_name"], tags["best_x"], tags["best params"]) == ("trial-002", "1.0", "{'x': 1.0}")
    baseline = user.client.get_run(tags["baseline_run"])
    assert baseline.data.tags["runner.baseline"] == "true"
    assert {
        name: tags[f"runner.sweep{name}"] for name in ("", ".state", ".method", ".objective", ".seed")
    } == {"": "find", ".state": "finished", ".method": "grid", ".objective": "loss minimize", ".seed": "7"}

    for number, (trial,) in runs.items():
        assert trial.info.run_name == f"trial-{number + 1:03}"
        assert trial.info.experiment_id == parent.info.experiment_id
        assert trial.data.params == {"x": ("4.0", "1.0", "3.0", "2.0")[number], "seconds": "0.0"}
        assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert trial.data.tags["mlflow.project.entryPoint"] == "train"
        own = {
            name: trial.data.tags[f"runner.sweep.{name}"] for name in ("trial", "point", "repeat", "attempt")
        }
        assert own == {"trial": str(number), "point": str(number), "repeat": "0", "attempt": "0"}
    assert baseline.data.params["x"] == "5"
    assert baseline.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_the_declaration_is_on_record_with_the_seed_that_was_drawn(user: User, tmp_path: object) -> None:
    user.project(
        declared(FIND.replace("seed: 7\n", "").replace("grid", "random\nmax_trials: 2"), train=QUICK)
    )

    done = run(user, "--json")

    assert done.code == 0, done.err
    seed = summary_json(done.out)["seed"]
    parent = user.client.get_run(the_sweep().folder.run_id)
    assert parent.data.tags["runner.sweep.seed"] == str(seed)
    recorded = json.loads(user.artifact(parent, "runner/sweep.json", user.directory))
    assert (recorded["name"], recorded["seed"], recorded["max_trials"]) == ("find", seed, 2)


def test_a_trial_that_is_stopped_early_says_by_whom_and_where(user: User) -> None:
    train = """
import os, sys, time
import tracking_client as mlflow
x = float(sys.argv[1])
with mlflow.start_run():
    for step in range(3):
        mlflow.log_metric("loss", x, step=step)
    mlflow.flush() if hasattr(mlflow, "flush") else None
    deadline = time.monotonic() + (60 if x > 3 else 0)
    while time.monotonic() < deadline:
        time.sleep(0.02)
"""
    sweep = FIND.replace("[4, 1, 3, 2]", "[1, 2, 3, 4]") + "early_terminate: {type: median, min_trials: 3}\n"
    user.project(declared(sweep.replace("baseline", "# baseline"), train=train))

    done = run(user)

    assert done.code == 0, done.err
    runs = trials_of(user, the_sweep())
    assert [runs[number][0].info.status for number in range(4)] == ["FINISHED"] * 3 + ["KILLED"]
    tags = runs[3][0].data.tags
    assert tags["runner.sweep.stopped_by"] == "median"
    assert tags["runner.sweep.stopped_at_step"] == "2"
    assert "median" in tags["runner.sweep.stopped_because"]
    assert "runner.sweep.cause" not in tags
    assert "find: 4 trials, 1 stopped early" in done.out
    assert "loss 4  stopped early" in done.err
    assert user.client.get_run(the_sweep().folder.run_id).data.metrics["trials_stopped_early"] == 1


FAILING = """
import os, signal, sys, time
import tracking_client as mlflow
x = float(sys.argv[1])
if x == 2:
    raise ValueError("two is wrong")
if x == 3:
    mlflow.log_metric("other", 1)
if x == 4:
    mlflow.log_metric("loss", float("nan"))
if x == 5:
    raise MemoryError("no room")
if x == 6:
    os.kill(os.getpid(), signal.SIGKILL)
if x == 7:
    time.sleep(60)
if x == 1:
    mlflow.log_metric("loss", 1)
"""


def test_the_causes_of_failures_are_told_apart(user: User) -> None:
    sweep = FIND.replace("[4, 1, 3, 2]", "[1, 2, 3, 4, 5, 6, 7]").replace("baseline", "# baseline")
    user.project(declared(sweep + "timeout: 3\nretries: 0\nparallel: 2\n", train=FAILING))

    done = run(user)

    assert done.code == 0, done.err
    kept = the_sweep()
    expected = {1: "crashed", 2: "no_objective", 3: "diverged", 4: "out_of_memory", 5: "lost", 6: "timeout"}
    found = {
        number: trial.result.cause
        for number, trial in kept.ledger.trials.items()
        if trial.result is not None and trial.result.cause is not None
    }
    assert found == expected
    runs = trials_of(user, kept)
    assert {n: attempts[0].data.tags.get("runner.sweep.cause") for n, attempts in runs.items()} == {
        0: None,
        **expected,
    }
    for said in (
        "crashed: exit code 1: ValueError: two is wrong",
        "no objective: it logged no metric 'loss', but other",
        "diverged: its loss is nan",
        "out of memory: ",
        "timeout: it took longer than a trial may",
        "find: 7 trials, 6 failed",
    ):
        assert said in done.err + done.out
    parent = user.client.get_run(kept.folder.run_id)
    assert (parent.info.status, parent.data.metrics["trials_failed"]) == ("FINISHED", 6)


def test_the_same_traceback_three_times_at_the_beginning_ends_the_sweep_and_is_shown(user: User) -> None:
    train = "import sys\nvalue = {}\nprint(value['no such key'], sys.argv)\n"
    user.project(
        declared(FIND.replace("[4, 1, 3, 2]", "[1, 2, 3, 4, 5, 6]").replace("baseline", "# b"), train=train)
    )

    done = run(user)

    assert done.code == 1
    assert "the first 3 trials failed alike, so that it is not the parameters" in done.err
    assert "print(value['no such key'], sys.argv)" in done.err
    assert "KeyError: 'no such key'" in done.err
    kept = the_sweep()
    assert (kept.state, len(kept.ledger.over)) == ("failed", 3)
    parent = user.client.get_run(kept.folder.run_id)
    assert (parent.info.status, parent.data.tags["runner.sweep.state"]) == ("FAILED", "failed")
    assert f"runner sweep show {kept.folder.run_id}" in done.err


def test_a_failed_trial_is_tried_again_for_the_causes_that_say_so(user: User) -> None:
    train = """
import os, sys
import tracking_client as mlflow
again = os.path.join(os.environ["MARKS"], sys.argv[1])
if not os.path.exists(again):
    open(again, "w").close()
    raise ValueError("not at first")
mlflow.log_metric("loss", float(sys.argv[1]))
"""
    user.project(declared(FIND.replace("baseline", "# b") + "retries: {max: 1, on: crashed}\n", train=train))

    done = user.types("run", "-e", "find", "project", *LOCAL, MARKS=str(user.directory))

    assert done.code == 0, done.err
    runs = trials_of(user, the_sweep())
    assert [[run.info.status for run in attempts] for attempts in runs.values()] == [
        ["FAILED", "FINISHED"]
    ] * 4
    first = [attempts[0].data.tags for attempts in runs.values()]
    assert [tags["runner.sweep.cause"] for tags in first] == ["crashed"] * 4
    assert "; is tried again" in done.err
    assert "find: 4 trials, in " in done.out


def test_the_best_are_tried_again_and_the_winner_is_told_with_its_spread(user: User) -> None:
    train = """
import sys
import tracking_client as mlflow
x, seed = float(sys.argv[1]), float(sys.argv[2])
mlflow.log_metric("loss", x + seed % 7 / 10)
"""
    sweep = FIND.replace(
        "seed: 7", "repeats: {n: 3, top_k: 2}\ntrial_seed: {parameter: seconds, mode: per_repeat}"
    )
    user.project(declared(sweep.replace("grid", "grid\nparallel: 2"), train=train))

    done = run(user)

    assert done.code == 0, done.err
    assert "find: 8 trials" in done.out
    kept = the_sweep()
    assert {point.number: len(point.trials) for point in kept.ledger.points.values() if point.number >= 0} == {
        0: 1, 1: 3, 2: 1, 3: 3,
    }  # fmt: skip
    (line,) = [line for line in done.out.splitlines() if line.startswith("  best ")]
    assert "±" in line
    assert line.endswith("(3 repeats)")
    assert "baseline" in done.out


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_a_winner_that_does_not_beat_the_baseline_is_said_to_be_none(user: User, goal: str) -> None:
    x = {"minimize": 1, "maximize": 9}[goal]
    sweep = FIND.replace("x: 5", f"x: {x}").replace("[4, 1, 3, 2]", "[3, 2]").replace("minimize", goal)
    user.project(declared(sweep, train=QUICK))

    done = run(user, "--json")
    shown = user.types("sweep", "show", the_sweep().folder.run_id).out

    assert done.code == 0, done.err
    best: dict[str, object] = summary_json(done.out)["best"]  # type: ignore[assignment]
    assert best["is_clear"] is False
    assert "NOT beaten, worse by" in shown
