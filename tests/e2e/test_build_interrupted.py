"""An environment's build that is broken off leaves nothing that a later run takes for ready, and no process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.slow_build import SlowBuild, left_running, ready_environments
from tests.e2e.terminal import User, wait_until


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_of_a_build_kills_the_run_and_the_next_one_builds(
    user: User, number: int, code: int
) -> None:
    build = SlowBuild.of(user)
    process = user.start("run", str(build.folder))
    wait_until(build.is_under_way)

    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert process.returncode == code, err
    assert "Traceback" not in err
    run = user.run()
    assert run.info.status == "KILLED"
    assert signal.Signals(number).name in run.data.tags["runner.end.reason"]
    assert left_running(user) == []
    assert ready_environments() == []
    build.let_go()
    done = user.types("run", str(build.folder))
    assert (done.code, done.out) == (0, "built\n"), done.err
    assert len(ready_environments()) == 1
    assert leftovers() == []


def test_kill_9_of_the_runner_in_the_middle_of_a_build_ends_the_build_too(user: User) -> None:
    build = SlowBuild.of(user)
    process = user.start("run", str(build.folder))
    wait_until(build.is_under_way)

    process.kill()
    process.communicate()

    wait_until(lambda: left_running(user) == [])
    assert ready_environments() == []
    build.let_go()
    done = user.types("run", str(build.folder))
    assert (done.code, done.out) == (0, "built\n"), done.err
    assert sorted(run.info.status for run in user.runs()) == ["FINISHED", "KILLED"]
    assert leftovers() == []


def test_kill_9_of_the_installer_is_a_failed_build(user: User) -> None:
    build = SlowBuild.of(user)
    process = user.start("run", str(build.folder))
    wait_until(build.is_under_way)

    os.kill(int(build.started.read_text()), signal.SIGKILL)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 3, err
    assert "slow" in err
    assert user.run().info.status == "FAILED"
    assert ready_environments() == []
    build.let_go()
    assert user.types("run", str(build.folder)).out == "built\n"


def leftovers() -> list[str]:
    """What is in the cache beside finished environments, their logs and their marks."""
    root = Path(os.environ["HOME"]) / ".cache/runner/environments"
    (entry,) = {path.parent for path in root.glob("*/*/ready.json")}
    names = {path.name for path in entry.iterdir()} - {"ready.json", "users"}
    return sorted(name for name in names if "." in name or name in ("lease", "failure.json"))
