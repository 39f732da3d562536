"""The example's searches, with a training that takes no time: real runs, a real server, real processes."""

from __future__ import annotations

import itertools
import math
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.terminal import ROOT, Done, User, wait_until
from tests.processes import has_ended
from tracking_client.wire.entities import Run

EXAMPLE = ROOT / "examples" / "hyperparam"

# Takes the options of the example's training. A run-dependent pause makes trials overtake each other.
TRAIN = """
import argparse, math, os, sys, time, uuid
import tracking_client
parser = argparse.ArgumentParser()
for name in ("epochs", "batch-size", "seed"):
    parser.add_argument("--" + name, type=int)
for name in ("learning-rate", "momentum"):
    parser.add_argument("--" + name, type=float)
given = parser.parse_args()
with tracking_client.start_run():
    if given.epochs == 0:
        tracking_client.set_tag("runner.baseline", "true")
        tracking_client.log_metric("best_val_rmse", 2.5)
    else:
        time.sleep(uuid.uuid4().int % 4 * 0.15)
        value = abs(math.log10(given.learning_rate) + 3) + given.momentum
        TRIAL
        tracking_client.log_metrics({"val_rmse": 99.0, "best_val_rmse": value, "best_test_rmse": value + 1})
"""

SEARCHES = ("hyperopt", "random")


@pytest.fixture
def project(user: User) -> Callable[[str], Path]:
    """The example with another training; `trial` is what it does with `given` and `value`."""

    def make(trial: str = "") -> Path:
        folder = user.directory / "example"
        ignored = shutil.ignore_patterns("__pycache__", "train.py", "network.py")
        shutil.copytree(EXAMPLE, folder, ignore=ignored, dirs_exist_ok=True)
        (folder / "train.py").write_text(TRAIN.replace("TRIAL", trial or "pass"), encoding="utf-8")
        return folder

    return make


def search(user: User, folder: Path, entry_point: str = "random", **parameters: object) -> Done:
    pairs = [word for name, value in parameters.items() for word in ("-P", f"{name}={value}")]
    return user.types("run", str(folder), "-e", entry_point, "--env-manager", "local", *pairs)


def sweep(user: User, number: int = 0) -> tuple[Run, Run, list[Run]]:
    """The parent, the baseline and the trials in the order of their names; sweep 0 is the latest."""
    runs = user.runs()
    parent = [run for run in runs if "mlflow.parentRunId" not in run.data.tags][number]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    (baseline,) = [run for run in children if "runner.baseline" in run.data.tags]
    trials = [run for run in children if run is not baseline]
    return parent, baseline, sorted(trials, key=lambda run: run.info.run_name or "")


def params(trials: list[Run]) -> list[tuple[str, str]]:
    return [(trial.data.params["learning_rate"], trial.data.params["momentum"]) for trial in trials]


@pytest.mark.parametrize("entry_point", SEARCHES)
def test_the_parent_shows_the_best_so_far_of_nested_trials(
    user: User, project: Callable[[str], Path], entry_point: str
) -> None:
    done = search(user, project(""), entry_point, max_runs=6, parallel=3, epochs=7)

    assert done.code == 0, done.err
    parent, baseline, trials = sweep(user)
    assert [run.info.status for run in (parent, baseline, *trials)] == ["FINISHED"] * 8
    assert [run.info.run_name for run in trials] == [f"trial-{number:02}" for number in range(1, 7)]
    assert baseline.data.params["epochs"] == "0"
    assert {trial.data.params["epochs"] for trial in trials} == {"7"}
    values = [trial.data.metrics["best_val_rmse"] for trial in trials]
    history = user.client.get_metric_history(parent.info.run_id, "best_val_rmse")
    assert [point.step for point in history] == [1, 2, 3, 4, 5, 6]
    assert [point.value for point in history] == list(itertools.accumulate(values, min))
    best = trials[values.index(min(values))]
    assert parent.data.tags["best_run"] == best.info.run_id
    assert parent.data.params["best_learning_rate"] == best.data.params["learning_rate"]
    assert parent.data.params["best_momentum"] == best.data.params["momentum"]
    assert parent.data.metrics["best_test_rmse"] == min(values) + 1
    assert parent.data.metrics["baseline_best_val_rmse"] == 2.5
    assert (parent.data.metrics["trials_finished"], parent.data.metrics["trials_failed"]) == (6, 0)


@pytest.mark.parametrize("entry_point", SEARCHES)
@pytest.mark.parametrize("parallel", [1, 3])
def test_one_seed_makes_the_same_trials_however_they_overtake_each_other(
    user: User, project: Callable[[str], Path], entry_point: str, parallel: int
) -> None:
    folder = project("")

    for seed in (7, 7, 8):
        assert search(user, folder, entry_point, max_runs=5, parallel=parallel, seed=seed).code == 0

    other, second, first = (sweep(user, number)[2] for number in range(3))
    assert params(first) == params(second)
    assert not set(params(first)) & set(params(other))
    assert {trial.data.params["seed"] for trial in first} == {"7"}


def test_random_trials_depend_on_seed_and_number_alone(user: User, project: Callable[[str], Path]) -> None:
    folder = project("")

    search(user, folder, "random", max_runs=2, parallel=1)
    search(user, folder, "random", max_runs=8, parallel=4)

    few, many = params(sweep(user, 1)[2]), params(sweep(user, 0)[2])
    assert many[:2] == few
    decades = {math.floor(math.log10(float(learning_rate))) for learning_rate, _ in many}
    assert decades <= {-5, -4, -3, -2}
    assert len(decades) >= 3, "the learning rate is not searched on a log scale"


@pytest.mark.parametrize(
    ("entry_point", "fault", "status"),
    [
        ("random", "os.kill(os.getpid(), 9) if given.momentum < 0.5 else None", "FAILED"),
        ("hyperopt", 'sys.exit("it diverged") if given.momentum < 0.5 else None', "FAILED"),
        ("hyperopt", 'value = float("nan") if given.momentum < 0.5 else value', "FINISHED"),
    ],
    ids=["random-killed", "hyperopt-exit", "hyperopt-nan"],
)
def test_a_failing_trial_is_recorded_and_the_search_goes_on(
    user: User, project: Callable[[str], Path], entry_point: str, fault: str, status: str
) -> None:
    done = search(user, project(fault), entry_point, max_runs=6, parallel=2)

    assert done.code == 0, done.err
    parent, _, trials = sweep(user)
    bad = [trial for trial in trials if float(trial.data.params["momentum"]) < 0.5]
    assert 0 < len(bad) < 6, "the seed makes no test of it"
    assert {trial.info.status for trial in bad} == {status}
    assert parent.data.metrics["trials_failed"] == len(bad)
    assert parent.data.metrics["trials_finished"] == 6 - len(bad)
    assert parent.data.tags["best_run"] not in {trial.info.run_id for trial in bad}


def test_a_search_whose_trials_all_fail_has_failed(user: User, project: Callable[[str], Path]) -> None:
    done = search(user, project('sys.exit("it diverged")'), max_runs=3, parallel=2)

    parent, baseline, trials = sweep(user)
    assert done.code == 1
    assert "all 3 trials failed" in done.out + done.err
    assert "exit code 1" in done.out + done.err
    assert [run.info.status for run in (parent, baseline, *trials)] == ["FAILED", "FINISHED", *["FAILED"] * 3]


def test_a_metric_that_no_trial_logs_stops_the_search_at_the_baseline(
    user: User, project: Callable[[str], Path]
) -> None:
    done = search(user, project(""), max_runs=3, metric="best_val_rsme")

    assert done.code == 1
    assert "best_val_rsme" in done.err
    assert "best_val_rmse" in done.err, "what it has instead"
    assert sweep(user)[2] == []


def test_as_many_trials_as_asked_for_run_side_by_side(user: User, project: Callable[[str], Path]) -> None:
    search(user, project("time.sleep(0.5)"), max_runs=6, parallel=3)

    _, _, trials = sweep(user)
    spans = [(trial.info.start_time or 0, trial.info.end_time or 0) for trial in trials]
    together = [sum(start <= moment < end for start, end in spans) for moment, _ in spans]
    assert max(together) == 3


def test_a_search_by_hand_has_nested_trials_too(user: User, project: Callable[[str], Path]) -> None:
    folder = project("")

    done = user.python(
        "import runpy, sys; sys.path.insert(0, sys.argv[1]); sys.argv[1:] = sys.argv[2:];"
        "runpy.run_path(sys.path[0] + '/search_random.py', run_name='__main__')",
        *(str(folder), "--max-runs", "2", "--parallel", "2"),
        RUNNER_ENV_MANAGER="local",
    )

    assert done.code == 0, done.err
    parent, _, trials = sweep(user)
    assert (parent.info.status, len(trials)) == ("FINISHED", 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_a_search_ends_its_trials_as_killed(
    user: User, project: Callable[[str], Path], number: int
) -> None:
    folder = project("time.sleep(600)")
    process = user.start(
        *("run", str(folder), "-e", "hyperopt", "--env-manager", "local"), *("-P", "parallel=2")
    )
    wait_until(lambda: len(user.runs("attributes.status = 'RUNNING'")) == 3 and _sleeping(process.pid) >= 2)

    process.send_signal(number)
    _, err = process.communicate(timeout=60)

    parent, baseline, trials = sweep(user)
    assert [run.info.status for run in (parent, baseline, *trials)] == [
        "KILLED",
        "FINISHED",
        "KILLED",
        "KILLED",
    ]
    assert "Traceback" not in err


def test_kill_9_of_a_search_ends_its_trials_too(user: User, project: Callable[[str], Path]) -> None:
    folder = project("time.sleep(600)")
    process = user.start(
        *("run", str(folder), "-e", "random", "--env-manager", "local"), *("-P", "parallel=2")
    )
    wait_until(lambda: len(user.runs("attributes.status = 'RUNNING'")) == 3 and _sleeping(process.pid) >= 2)
    (script,) = _running(process.pid, "search_random.py")
    trials_before = _running(process.pid, "train.py")

    script.kill()
    process.communicate(timeout=60)

    wait_until(lambda: all(has_ended(trial.pid) for trial in trials_before), timeout_s=60)
    wait_until(lambda: not user.runs("attributes.status = 'RUNNING'"), timeout_s=60)
    parent, _, trials = sweep(user)
    assert parent.info.status == "FAILED"
    assert [trial.info.status for trial in trials] == ["KILLED", "KILLED"]


def _running(pid: int, script: str) -> list[psutil.Process]:
    """The interpreters below `pid` that execute `script`, without the guardians in front of them."""
    below = psutil.Process(pid).children(recursive=True)
    return [process for process in below if process.cmdline()[1:2] == [script]]


def _sleeping(pid: int) -> int:
    return len(_running(pid, "train.py"))
