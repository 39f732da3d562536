"""No run stays RUNNING and no process goes on, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.terminal import User, wait_until
from tests.processes import has_ended

LONG = {
    "long.py": """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
""",
    "fail_slow.py": "import time; print('x', flush=True); time.sleep(600)",
}


def start_long(user: User, script: str = "long.py") -> tuple[subprocess.Popen[str], list[int]]:
    folder = user.project(LONG)
    process = user.start("run", str(folder), "-e", script, "--env-manager", "local", RUNNER_GRACE_S="2")
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    return process, pids


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if not has_ended(pid)]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_to_the_runner_ends_the_whole_group_and_the_run_is_killed(
    user: User, number: int, code: int
) -> None:
    process, pids = start_long(user)

    process.send_signal(number)
    ended, err = finish(process)

    assert ended == code, err
    assert "runner/process.py" not in err, "a traceback of ours"
    wait_until(lambda: not alive(pids))
    run = user.run()
    assert run.info.status == "KILLED"
    assert signal.Signals(number).name in run.data.tags["runner.end.reason"]


def test_kill_9_of_the_runner_ends_the_program_and_closes_the_run(user: User) -> None:
    process, pids = start_long(user)

    process.kill()
    process.communicate()

    wait_until(lambda: not alive(pids))
    wait_until(lambda: user.run().info.status == "KILLED")
    assert "the runner died" in user.run().data.tags["runner.end.reason"]


def test_kill_9_of_runner_and_guardian_is_made_good_by_the_next_command(
    user: User,
) -> None:
    process, pids = start_long(user)
    guardian = psutil.Process(pids[0]).parent()
    assert guardian is not None

    guardian.suspend()
    process.kill()
    process.communicate()
    guardian.kill()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert user.run().info.status == "RUNNING"
    done = user.types("run", str(user.directory / "project"), "-e", "long.py", "--env-manager", "nonsense")
    assert done.code == 2
    user.project({"ok.py": "print('fine')"})
    assert (
        user.types("run", str(user.directory / "project"), "-e", "ok.py", "--env-manager", "local").code == 0
    )

    assert sorted(run.info.status for run in user.runs()) == ["FINISHED", "KILLED"]


def test_kill_9_of_the_program_is_a_failed_run_that_names_the_signal(
    user: User,
) -> None:
    process, pids = start_long(user)

    os.kill(pids[0], signal.SIGKILL)
    code, err = finish(process)

    assert code == 1
    assert "SIGKILL" in err
    assert user.run().info.status == "FAILED"
    wait_until(lambda: not alive(pids))


def test_kill_9_of_the_server_in_the_middle_costs_nothing(user: User) -> None:
    folder = user.project(
        {
            "train.py": """
import sys, time, pathlib
import tracking_client as mlflow
with mlflow.start_run():
    for step in range(60):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
        if step == 20:
            pathlib.Path("halfway").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
"""
        }
    )
    process = user.start("run", str(folder), "-e", "train.py", "--env-manager", "local")
    wait_until(lambda: (folder / "halfway").exists())
    server = user.server_pid()
    assert server is not None

    os.kill(server, signal.SIGKILL)
    (folder / "go").touch()
    code, err = finish(process)

    assert code == 0, err
    run = user.run()
    assert run.info.status == "FINISHED"
    assert [point.step for point in user.client.get_metric_history(run.info.run_id, "loss")] == list(
        range(60)
    )


def test_a_server_that_is_gone_at_the_end_is_told_by_the_next_command(user: User, tmp_path: Path) -> None:
    store = tmp_path / "remote"
    store.mkdir()
    folder = user.project({"wait.py": "import sys; print('ready', flush=True); sys.stdin.read()"})
    server = serve(user, store)
    url, port = address_of(store)
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "run", str(folder), "-e", "wait.py", "--env-manager", "local"],
        cwd=user.directory,
        env=user.variables(MLFLOW_TRACKING_URI=url, RUNNER_HTTP_DEADLINE_S="1", RUNNER_CLOSE_TIMEOUT_S="2"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    server.terminate()
    server.wait(15)
    _, err = process.communicate("", timeout=90)
    assert process.returncode == 0, err
    assert "will be recorded by the next runner command" in err

    server = serve(user, store, port=port)
    user.environ["MLFLOW_TRACKING_URI"] = url
    assert user.run().info.status == "RUNNING"
    assert user.types("run", str(folder), "-e", "wait.py", "--env-manager", "local").code == 0
    assert [run.info.status for run in user.runs()] == ["FINISHED", "FINISHED"]
    server.terminate()
    server.wait(15)


def serve(user: User, store: Path, port: int = 0) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [sys.executable, "-m", "runner", "server", "--port", str(port)],
        cwd=store,
        env=user.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    discovery = store / "mlruns.db.server"

    def listens() -> bool:
        try:
            return bool(json.loads(discovery.read_text())["pid"] == server.pid)
        except (OSError, ValueError):
            return False

    wait_until(listens)
    return server


def address_of(store: Path) -> tuple[str, int]:
    url = json.loads((store / "mlruns.db.server").read_text())["url"]
    return url, int(url.rpartition(":")[2])


OUTAGE_S = 10.0


@pytest.mark.parametrize("client", ["tracking_client", "mlflow"])
def test_a_server_that_is_away_for_ten_seconds_in_the_middle_costs_nothing(
    user: User, tmp_path: Path, client: str
) -> None:
    store = tmp_path / "remote"
    store.mkdir()
    folder = user.project(
        {
            "train.py": f"""
import pathlib, time
import {client} as mlflow
with mlflow.start_run():
    for step in range(40):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
        if step == 20:
            pathlib.Path("halfway").touch()
            while not pathlib.Path("away").exists():
                time.sleep(0.01)
    mlflow.log_text("done", "note.txt")
"""
        }
    )
    server = serve(user, store)
    url, port = address_of(store)
    user.environ["MLFLOW_TRACKING_URI"] = url
    process = user.start("run", str(folder), "-e", "train.py", "--env-manager", "local")
    wait_until((folder / "halfway").exists, timeout_s=120)

    server.kill()
    server.wait(15)
    (folder / "away").touch()
    back_at = time.monotonic() + OUTAGE_S
    wait_until(lambda: time.monotonic() > back_at)
    server = serve(user, store, port=port)
    code, err = finish(process)

    assert code == 0, err
    run = user.run()
    assert run.info.status == "FINISHED"
    assert [point.step for point in user.client.get_metric_history(run.info.run_id, "loss")] == list(
        range(40)
    )
    assert user.artifact(run, "note.txt", tmp_path) == "done"
    server.terminate()
    server.wait(15)
