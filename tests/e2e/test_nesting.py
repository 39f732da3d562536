"""Runs within runs: from threads, from processes, through the API and the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.e2e.terminal import User

TRAIN = {
    "MLproject": """
name: sweep
entry_points:
  train:
    parameters: {x: float, fail: {type: int, default: 0}}
    command: "python train.py {x} {fail}"
  search:
    command: "python search.py"
""",
    "train.py": """
import sys
import tracking_client as mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", float(sys.argv[1]) ** 2)
sys.exit(int(sys.argv[2]))
""",
}

SEARCH_IN_THREADS = """
from concurrent.futures import ThreadPoolExecutor
import runner
import tracking_client as mlflow

def trial(x):
    with mlflow.start_run(nested=True) as child:
        submitted = runner.run(".", entry_point="train", run_id=child.info.run_id,
            parameters={"x": str(x), "fail": 1 if x == 3 else 0}, synchronous=False)
        return submitted.wait()

with mlflow.start_run() as parent:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(trial, [1, 2, 3, 4]))
    assert results == [True, True, False, True], results
    mlflow.log_metric("trials", len(results))
"""


def test_trials_from_threads_are_children_with_params_and_true_statuses(user: User) -> None:
    folder = user.project({**TRAIN, "search.py": SEARCH_IN_THREADS})

    done = user.types("run", str(folder), "-e", "search", "--env-manager", "local")

    assert done.code == 0, done.err
    runs = user.runs()
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run is not parent]
    assert len(children) == 4
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert parent.data.metrics == {"trials": 4.0}
    by_x = {run.data.params["x"]: run for run in children}
    assert {x: run.info.status for x, run in by_x.items()} == {
        "1": "FINISHED",
        "2": "FINISHED",
        "3": "FAILED",
        "4": "FINISHED",
    }
    assert {x: run.data.metrics["loss"] for x, run in by_x.items()} == {"1": 1, "2": 4, "3": 9, "4": 16}
    assert {run.data.tags["mlflow.project.entryPoint"] for run in children} == {"train"}
    assert {
        run.data.tags["mlflow.project.env"] for run in runs if "mlflow.project.env" in run.data.tags
    } == set()


def test_each_line_of_a_trial_says_whose_it_is(user: User) -> None:
    folder = user.project(
        {
            **TRAIN,
            "train.py": "import sys; print('I am', sys.argv[1])",
            "search.py": "import runner; runner.run('.', 'train', parameters={'x': 7}, run_name='seven')",
        }
    )

    done = user.types("run", str(folder), "-e", "search", "--env-manager", "local")

    assert done.out == "[seven] I am 7\n", done.err


def test_a_run_launched_by_the_command_line_inside_a_run_is_its_child(user: User) -> None:
    search = f"import subprocess; subprocess.run([{sys.executable!r}, '-m', 'runner', 'run', '.', '-e', 'train', '-P', 'x=2'], check=True)"
    folder = user.project({**TRAIN, "search.py": search})

    done = user.types("run", str(folder), "-e", "search", "--env-manager", "local")

    assert done.code == 0, done.err
    (child,) = user.runs("params.x = '2'")
    (parent,) = [run for run in user.runs() if run.info.run_id != child.info.run_id]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "mlflow.project.env" not in child.data.tags, "the environment manager is inherited"


def test_a_run_nested_in_a_subprocess_of_the_program_has_it_as_its_parent(user: User) -> None:
    script = """
import subprocess, sys
import tracking_client as mlflow
with mlflow.start_run():
    subprocess.run([sys.executable, "-c", "import tracking_client as m\\nwith m.start_run(nested=True): m.log_param('a', 1)"], check=True)
"""
    folder = user.project({"main.py": script})

    done = user.types("run", str(folder), "-e", "main.py", "--env-manager", "local")

    assert done.code == 0, done.err
    (child,) = user.runs("params.a = '1'")
    (parent,) = [run for run in user.runs() if run.info.run_id != child.info.run_id]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_a_program_that_is_killed_takes_the_runs_it_had_opened_with_it(user: User) -> None:
    script = """
import os, signal
import tracking_client as mlflow
mlflow.start_run()
mlflow.start_run(nested=True, run_name="abandoned")
os.kill(os.getpid(), signal.SIGKILL)
"""
    folder = user.project({"main.py": script})

    done = user.types("run", str(folder), "-e", "main.py", "--env-manager", "local")

    assert done.code == 1
    statuses = {run.info.run_name: run.info.status for run in user.runs()}
    assert statuses.pop("abandoned") == "KILLED"
    assert list(statuses.values()) == ["FAILED"]


def test_an_asynchronous_run_needs_no_parameters_and_can_be_cancelled(user: User) -> None:
    folder = user.project(
        {
            "MLproject": "entry_points: {main: {command: python wait.py}}",
            "wait.py": "import time; print('ready', flush=True); time.sleep(600)",
        }
    )
    script = """
import json, sys, runner, time, pathlib
submitted = runner.run(sys.argv[1], synchronous=False, env_manager="local")
log = pathlib.Path.home() / ".local/state/runner/logs" / submitted.run_id / "output.log"
while not (log.exists() and log.read_bytes()): time.sleep(0.02)
status = submitted.get_status()
submitted.cancel()
print(json.dumps([submitted.run_id, status, submitted.wait(), submitted.get_status()]))
"""

    done = user.python(script, str(folder))

    assert done.code == 0, done.err
    run_id, *answers = json.loads(done.out.splitlines()[-1])
    assert answers == ["RUNNING", False, "KILLED"]
    assert user.client.get_run(run_id).info.status == "KILLED"


def test_a_synchronous_failure_raises_with_the_last_lines_and_the_outcome(user: User) -> None:
    folder = user.project({"bad.py": "import sys; print('boom'); sys.exit(4)"})
    script = """
import sys, runner
try:
    runner.run(sys.argv[1], "bad.py", env_manager="local")
except runner.RunFailed as error:
    print(error.outcome.exit_code, "boom" in str(error), error.hint)
"""

    done = user.python(script, str(folder))

    assert done.out.splitlines()[-1].startswith("4 True the whole log is")


def test_eight_cold_starts_at_once_share_one_server_and_one_environment(user: User, tmp_path: Path) -> None:
    folder = user.project(
        {
            "MLproject": "python_env: env.yaml\nentry_points: {main: {command: python which.py}}",
            "env.yaml": "dependencies: []\n",
            "which.py": "import sys; print(sys.prefix)",
        }
    )
    processes = [user.start("run", str(folder)) for _ in range(8)]

    results = [process.communicate(timeout=180) for process in processes]

    assert [process.returncode for process in processes] == [0] * 8, results
    assert len({out for out, _ in results}) == 1
    assert [run.info.status for run in user.runs()] == ["FINISHED"] * 8
    assert sum("built in" in err for _, err in results) == 1
