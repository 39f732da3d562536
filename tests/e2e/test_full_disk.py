"""A disk that is full, wherever it is, is said so; nothing half is left, and a run's status stays true."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.slow_build import ready_environments
from tests.e2e.terminal import User
from tests.runner.environments.wheels import make_wheel
from tests.small_disks import MakeDisk, fill, small_disks

LOCAL = ("--env-manager", "local")
NOOP = {"noop.py": "print('fine')"}


@pytest.fixture
def disk(tmp_path: Path, user: User) -> Iterator[MakeDisk]:
    with small_disks(tmp_path) as make:
        yield make
        user.stop_server()  # before its disk goes


def test_a_build_on_a_full_disk_says_so_and_the_next_one_with_space_succeeds(
    user: User, disk: MakeDisk, tmp_path: Path
) -> None:
    cache = disk(24 << 10)
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "large", payload_bytes=10 << 20)
    folder = user.project(
        {
            "MLproject": "python_env: env.yaml\nentry_points: {main: {command: python show.py}}",
            "env.yaml": f"dependencies: [--no-index, '--find-links {wheels}', large]\n",
            "show.py": "import large; print(large.version)",
        }
    )
    occupied = cache / "occupied"
    occupied.write_bytes(b"x" * (20 << 20))
    user.environ |= {"RUNNER_CACHE_DIR": str(cache / "runner"), "UV_CACHE_DIR": str(tmp_path / "uv")}

    full = user.types("run", str(folder))

    assert full.code == 3, full.err
    assert "disk is full" in full.err
    assert "runner env prune" in full.err
    assert "Traceback" not in full.err
    run = user.run()
    assert run.info.status == "FAILED"
    assert "disk is full" in run.data.tags["runner.end.reason"]
    assert list((cache / "runner").glob("environments/*/*/ready.json")) == []
    occupied.unlink()
    done = user.types("run", str(folder))
    assert (done.code, done.out) == (0, "1.0\n"), done.err
    assert ready_environments() == []


def test_a_log_that_cannot_grow_costs_the_log_and_not_the_run(user: User, disk: MakeDisk) -> None:
    state = disk(2 << 10)
    folder = user.project(
        {"chatty.py": "for number in range(40_000): print(number, 'x' * 100)\nprint('the end')"}
    )
    user.environ["RUNNER_STATE_DIR"] = str(state)

    done = user.types("run", str(folder), "-e", "chatty.py", *LOCAL)

    assert done.code == 0, done.err
    assert done.out.endswith("the end\n")
    assert "log ends early" in done.err
    assert "No space left on device" in done.err
    assert "Traceback" not in done.err
    assert user.run().info.status == "FINISHED"
    assert list(state.glob("open-runs/*")) == []


def test_a_state_directory_that_is_full_from_the_start_is_an_error_before_a_run_exists(
    user: User, disk: MakeDisk
) -> None:
    state = disk(1 << 10)
    filler = fill(state)
    folder = user.project(NOOP)
    user.environ["RUNNER_STATE_DIR"] = str(state)

    full = user.types("run", str(folder), "-e", "noop.py", *LOCAL)

    assert full.code == 3, full.err
    assert "No space left on device" in full.err
    assert str(state) in full.err
    assert "Traceback" not in full.err
    assert user.runs() == []
    filler.unlink()
    assert user.types("run", str(folder), "-e", "noop.py", *LOCAL).code == 0
    assert list(state.glob("open-runs/*")) == []


def test_a_state_directory_that_fills_up_while_the_program_runs_keeps_the_status_true(
    user: User, disk: MakeDisk
) -> None:
    state = disk(1 << 10)
    folder = user.project(
        {
            "fill.py": """
import os, sys
with open(os.path.join(sys.argv[1], "filler"), "ab", buffering=0) as file:
    for size in (65536, 4096, 1):
        try:
            while file.write(b"x" * size): pass
        except OSError: pass
sys.exit(int(sys.argv[2]))
""",
            "MLproject": "entry_points: {main: {parameters: {d: string, c: int}, command: 'python fill.py {d} {c}'}}",
        }
    )
    user.environ["RUNNER_STATE_DIR"] = str(state)

    for code, status in ((0, "FINISHED"), (1, "FAILED")):
        done = user.types("run", str(folder), *LOCAL, "-P", f"d={state}", "-P", f"c={code}")
        assert done.code == code, done.err
        assert "fault of runner" not in done.err
        (run,) = user.runs(f"params.c = '{code}'")
        assert run.info.status == status
        (state / "filler").unlink()
        assert list(state.glob("open-runs/*")) == []


def test_a_store_whose_disk_is_full_refuses_a_run_and_takes_the_next_one_when_there_is_space(
    user: User, disk: MakeDisk
) -> None:
    user.directory = disk(3 << 10)
    folder = user.project(NOOP)
    assert user.types("run", str(folder), "-e", "noop.py", *LOCAL).code == 0
    filler = fill(user.directory)

    full = user.types("run", str(folder), "-e", "noop.py", *LOCAL, RUNNER_HTTP_DEADLINE_S="4")

    assert full.code == 3, full.err
    assert "full" in full.err
    assert "Traceback" not in full.err
    filler.unlink()
    done = user.types("run", str(folder), "-e", "noop.py", *LOCAL)
    assert done.code == 0, done.err
    assert {run.info.status for run in user.runs()} <= {"FINISHED", "FAILED", "KILLED"}
    assert [run.info.status for run in user.runs()].count("FINISHED") == 2


def test_a_store_that_fills_up_while_the_program_runs_gets_the_end_later(user: User, disk: MakeDisk) -> None:
    user.directory = disk(3 << 10)
    folder = user.project(
        {
            "fill.py": """
with open("../filler", "ab", buffering=0) as file:
    for size in (65536, 4096, 1):
        try:
            while file.write(b"x" * size): pass
        except OSError: pass
print("done")
""",
            **NOOP,
        }
    )

    done = user.types(
        "run", str(folder), "-e", "fill.py", *LOCAL, RUNNER_CLOSE_TIMEOUT_S="3", RUNNER_HTTP_DEADLINE_S="3"
    )

    assert done.code == 0, done.err
    assert "will be recorded by the next runner command" in done.err
    assert "Traceback" not in done.err
    (user.directory / "filler").unlink()
    assert user.types("run", str(folder), "-e", "noop.py", *LOCAL).code == 0
    assert [run.info.status for run in user.runs()] == ["FINISHED", "FINISHED"]


@pytest.mark.parametrize("left_bytes", [0, 4096, 65536])
def test_a_store_that_cannot_be_made_for_lack_of_space_says_so_and_is_made_later(
    user: User, disk: MakeDisk, left_bytes: int
) -> None:
    user.directory = disk(1 << 10)
    folder = user.project(NOOP)
    filler = fill(user.directory)
    os.truncate(filler, filler.stat().st_size - left_bytes)

    full = user.types("run", str(folder), "-e", "noop.py", *LOCAL, RUNNER_HTTP_DEADLINE_S="2")

    assert full.code == 3, full.err
    assert "full" in full.err
    assert "fault of runner" not in full.err
    assert list(user.directory.glob(".mlruns*")) == []
    filler.unlink()
    done = user.types("run", str(folder), "-e", "noop.py", *LOCAL)
    assert (done.code, done.out) == (0, "fine\n"), done.err
    assert user.run().info.status == "FINISHED"
