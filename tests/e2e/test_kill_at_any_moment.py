"""kill -9 of every process of a run, at every moment: the record ends truthfully and nothing goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.e2e.relay import Relay, relay_to
from tests.e2e.slow_build import left_running
from tests.e2e.terminal import User, wait_until
from tests.e2e.test_death import address_of, serve

SHORT = {
    "MLproject": "entry_points: {main: {parameters: {n: int}, command: python short.py}}",
    "short.py": """
import subprocess, sys, time
import tracking_client as mlflow
with mlflow.start_run():
    mlflow.log_metric("a", 1)
    subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(0.2)"])
""",
}
LOCAL = ("--env-manager", "local")


def state() -> Path:
    return Path(os.environ["HOME"]) / ".local/state/runner"


def tickets() -> list[str]:
    return sorted(path.name for path in state().glob("open-runs/*.json"))


def working_copies() -> list[str]:
    return sorted(path.name for path in state().glob("working-copies/*"))


def unfinished(user: User, *servers: int) -> list[object]:
    """What of any run is left to do, and what still runs beside the server."""
    running = [(run.info.run_id, run.data.tags) for run in user.runs() if run.info.status == "RUNNING"]
    return [*tickets(), *left_running(user, *servers), *running]


def assert_settles(user: User, *servers: int, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while (left := unfinished(user, *servers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_whenever_the_runner_is_killed_one_more_command_makes_everything_good(
    user: User, repository_of: Callable[[dict[str, str]], Path]
) -> None:
    uri = f"file://{repository_of(SHORT)}"
    moments = 12

    def start_and_kill(number: int) -> None:
        process = user.start("run", uri, *LOCAL, "-P", f"n={number}")
        try:
            process.wait(0.1 * number)
        except subprocess.TimeoutExpired:
            pass
        kill(process)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(start_and_kill, range(moments)))
    done = user.types("run", uri, *LOCAL, "-P", f"n={moments}")

    assert done.code == 0, done.err
    assert_settles(user)
    statuses = {run.data.params.get("n", "?"): run.info.status for run in user.runs()}
    assert statuses.pop(str(moments)) == "FINISHED"
    assert set(statuses.values()) <= {"FINISHED", "KILLED"}, statuses
    # What a guardian's program still used when the last command looked is for the one after.
    if working_copies():
        assert user.types("run", uri, *LOCAL, "-P", "n=-1").code == 0
    assert working_copies() == []


def test_killed_before_and_after_each_request_of_a_run_its_record_is_closed(
    user: User, tmp_path: Path
) -> None:
    folder = user.project({"MLproject": "entry_points: {main: {parameters: {n: int}, command: 'true'}}"})
    store = tmp_path / "store"
    store.mkdir()
    server = serve(user, store)
    try:
        with relay_to(address_of(store)[0]) as relay:
            user.environ["MLFLOW_TRACKING_URI"] = relay.url
            requests = requests_of_one_run(user, relay, folder)
            assert any("runs/create" in request for request in requests)
            for number in range(1, len(requests) + 1):
                for what in ("request", "answer"):
                    kill_at(user, relay, folder, number, what)
            assert user.types("run", str(folder), *LOCAL, "-P", "n=99").code == 0
            assert_settles(user, server.pid)
            statuses = [run.info.status for run in user.runs()]
            assert statuses.count("FINISHED") >= 2
            assert set(statuses) == {"FINISHED", "KILLED"}
    finally:
        server.terminate()
        server.wait(15)


def requests_of_one_run(user: User, relay: Relay, folder: Path) -> list[str]:
    relay.hold(0, "nothing")
    assert user.types("run", str(folder), *LOCAL, "-P", "n=0").code == 0
    return list(relay.requests)


def kill_at(user: User, relay: Relay, folder: Path, number: int, what: str) -> None:
    relay.hold(number, what)
    process = user.start("run", str(folder), *LOCAL, "-P", f"n={number}")
    # A run after a killed one closes that one first: it makes more requests than there are here to count.
    wait_until(relay.holding.is_set)
    kill(process)
    relay.hold_nothing()


def test_kill_9_in_the_middle_of_a_fetch_ends_the_fetch_too(user: User) -> None:
    started = user.directory / "ssh-started"
    ssh = user.directory / "ssh"
    ssh.write_text('#!/bin/sh\necho $$ > "$SSH_STARTED"\nsleep 600\n')
    ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
    user.environ |= {"SSH_STARTED": str(started), "GIT_SSH": str(ssh)}
    process = user.start("run", "ssh://git@example.invalid/repository.git", *LOCAL)
    wait_until(lambda: started.exists() and started.read_text())

    kill(process)

    wait_until(lambda: left_running(user) == [])
    assert tickets() == []
    user.project({"MLproject": "entry_points: {main: {command: 'true'}}"})
    assert user.types("run", "project", *LOCAL).code == 0
    assert user.run().info.status == "FINISHED"


def processes_under(process: subprocess.Popen[str], word: str) -> list[psutil.Process]:
    """The processes started by `process` with `word` in their command, guardians only by their own name."""
    found = []
    try:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                command = " ".join(child.cmdline())
                if word in command and ("guardian.py" in command) == (word == "guardian.py"):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        pass
    return found


@pytest.mark.parametrize("victim", ["guardian.py", "short.py"])
def test_whenever_the_program_or_its_guardian_is_killed_the_run_ends_and_nothing_goes_on(
    user: User, victim: str
) -> None:
    folder = user.project(SHORT)
    killed = 0

    def start_and_kill(number: int) -> tuple[int, bool]:
        process = user.start("run", str(folder), *LOCAL, "-P", f"n={number}")
        hit = False
        while process.poll() is None and not (victims := processes_under(process, victim)):
            time.sleep(0.005)
        time.sleep(0.04 * number)
        if process.poll() is None:
            for program in victims:
                try:
                    program.kill()
                    hit = True
                except psutil.NoSuchProcess:
                    pass
        process.communicate(timeout=60)
        return process.returncode, hit

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(start_and_kill, range(6)))

    killed = sum(hit for _, hit in results)
    assert killed >= 2, results
    assert {code for code, _ in results} <= {0, 1}
    assert unfinished(user) == []
    runs = user.runs()
    assert len(runs) == 6
    for run in runs:
        code, _ = results[int(run.data.params["n"])]
        assert run.info.status == ("FINISHED" if code == 0 else "FAILED")
        assert code == 0 or "SIGKILL" in run.data.tags["runner.end.reason"]


def test_a_server_killed_again_and_again_loses_nothing_that_was_acknowledged(user: User) -> None:
    steps = 300
    folder = user.project(
        {
            "train.py": f"""
import tracking_client as mlflow
with mlflow.start_run():
    for step in range({steps}):
        mlflow.log_metric("loss", step, step=step)
        print(step, flush=True)
    mlflow.log_param("last", "yes")
"""
        }
    )
    process = user.start("run", str(folder), "-e", "train.py", *LOCAL)
    killed: list[int] = []

    def kill_servers() -> None:
        while process.poll() is None and len(killed) < 3:
            pid = user.server_pid()
            if pid is None or pid in killed:
                time.sleep(0.01)
                continue
            time.sleep(0.07 * len(killed))
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.append(pid)

    killer = threading.Thread(target=kill_servers)
    killer.start()
    out, err = process.communicate(timeout=100)
    killer.join()

    assert process.returncode == 0, err
    assert len(killed) >= 2
    assert out.splitlines() == [str(step) for step in range(steps)]
    run = user.run()
    assert run.info.status == "FINISHED"
    assert run.data.params == {"last": "yes"}
    history = user.client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(step, step) for step in range(steps)]
    assert tickets() == []


def test_a_runner_that_slept_too_long_is_taken_for_lost_and_tells_the_truth_when_it_wakes(
    user: User, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    folder = user.project(
        {
            "wait.py": "import pathlib, time\nprint('ready', flush=True)\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)"
        }
    )
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "tracking_server", "--backend-store-uri", f"sqlite:///{store}/mlruns.db"),
            *(
                "--artifacts-destination",
                str(store / "artifacts"),
                "--discovery-file",
                str(store / "address"),
            ),
            *("--heartbeat-lost-s", "1", "--reap-every-s", "0.2"),
        ],
        env=user.variables(),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until((store / "address").exists)
        user.environ["MLFLOW_TRACKING_URI"] = json.loads((store / "address").read_text())["url"]
        process = user.start("run", str(folder), "-e", "wait.py", *LOCAL)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: user.run().info.status == "KILLED")
        (folder / "go").touch()
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        run = user.run()
        assert (run.info.status, run.data.tags["runner.exit_code"]) == ("FINISHED", "0")
        assert tickets() == []
    finally:
        server.terminate()
        server.wait(15)


def test_a_ticket_of_a_store_that_was_deleted_does_not_bring_the_store_back(user: User) -> None:
    folder = user.project(SHORT)
    elsewhere = user.directory / "elsewhere"
    elsewhere.mkdir()
    process = user.start("run", str(folder), *LOCAL, "-P", "n=1", MLFLOW_TRACKING_URI=str(elsewhere / "kept"))
    wait_until(lambda: processes_under(process, "short.py"))
    server = int(json.loads((elsewhere / "kept/mlruns.db.server").read_text())["pid"])
    (guardian,) = processes_under(process, "guardian.py")
    guardian.suspend()
    process.send_signal(signal.SIGSTOP)
    for victim in psutil.Process(process.pid).children(recursive=True):
        victim.kill()
    kill(process)
    psutil.Process(server).kill()
    shutil.rmtree(elsewhere / "kept")
    (elsewhere / "kept").mkdir()
    wait_until(lambda: left_running(user) == [])
    assert tickets() != []

    assert user.types("run", str(folder), *LOCAL, "-P", "n=2").code == 0

    assert tickets() == []
    assert list((elsewhere / "kept").iterdir()) == []


def test_a_relative_store_is_found_from_another_directory(user: User) -> None:
    folder = user.project(SHORT)
    process = user.start("run", str(folder), *LOCAL, "-P", "n=1", MLFLOW_TRACKING_URI=".")
    wait_until(lambda: processes_under(process, "short.py"))

    kill(process)

    assert_settles(user)
    assert user.run().info.status == "KILLED"
