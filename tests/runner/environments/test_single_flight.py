"""Many processes and threads that want one new environment, and builders that die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from runner.environments.marker import read_marker
from runner.errors import EnvironmentBuildError
from runner.model.environment import EnvironmentSpec
from tests.processes import wait_for_end
from tests.runner.environments.wheels import make_wheel
from tests.runner.environments.workshop import Workshop

WORKER = Path(__file__).with_name("build_worker.py")
REPOSITORY = Path(__file__).resolve().parents[3]


def start(
    workshop: Workshop, spec: EnvironmentSpec, tmp_path: Path, **order: object
) -> subprocess.Popen[str]:
    path = tmp_path / f"order-{time.monotonic_ns()}.json"
    content = {
        "cache_dir": str(workshop.cache_dir),
        "environ": workshop.environ,
        "requirements": spec.requirements,
        "python": spec.python,
        **order,
    }
    path.write_text(json.dumps(content))
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, its children with it, is over at the end."""
    children: list[psutil.Process] = []
    try:
        yield process
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)
        for child in children:
            child.kill()


def until(condition: Callable[[], bool], what: str, deadline_s: float = 60) -> None:
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.005)


def test_eight_processes_that_need_one_new_environment_build_it_once(
    workshop: Workshop, tmp_path: Path
) -> None:
    make_wheel(workshop.wheels, "tiny")
    spec = workshop.spec("tiny")
    workers = [start(workshop, spec, tmp_path) for _ in range(8)]
    results = [worker.communicate(timeout=120)[0].splitlines()[-1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 8
    assert sorted(line.split()[1] for line in results) == ["0"] * 7 + ["1"]
    assert len({line.split()[2] for line in results}) == 1
    assert len(list((workshop.root / "logs").iterdir())) == 1
    left = {path.name for path in workshop.entry(spec).directory.iterdir()}
    assert left == {"ready.json", "users", Path(results[0].split()[2]).name}


def test_eight_threads_that_need_one_new_environment_build_it_once(workshop: Workshop) -> None:
    make_wheel(workshop.wheels, "tiny")
    spec = workshop.spec("tiny")
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(workshop.ensure(spec)[1])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(results) == [False] * 7 + [True]


def test_those_who_wait_for_a_build_that_fails_fail_with_it_and_do_not_try_in_turn(
    workshop: Workshop, tmp_path: Path
) -> None:
    spec = workshop.spec("no-such-thing")
    workers = [start(workshop, spec, tmp_path) for _ in range(4)]
    outputs = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [3] * 4
    assert all("no-such-thing" in output for output in outputs)
    waited = sum("step waiting" in output for output in outputs)
    built = sum("step creating" in output for output in outputs)
    assert waited + built >= 4
    assert built <= 4 - waited + 1


@pytest.mark.parametrize("step", ["finding", "creating", "installing", "checking"])
def test_a_builder_killed_at_any_step_leaves_nothing_that_is_taken_for_ready(
    step: str, workshop: Workshop, tmp_path: Path
) -> None:
    make_wheel(workshop.wheels, "tiny")
    spec = workshop.spec("tiny")
    with ended(start(workshop, spec, tmp_path, stall=step)) as worker:
        assert worker.stdout is not None
        until(lambda: worker.stdout is not None and worker.stdout.readline() == "stalled\n", "stalled")
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
    assert read_marker(workshop.entry(spec).marker) is None
    started = time.monotonic()
    environment, built = workshop.ensure(spec)
    assert built
    assert "tiny==1.0" in environment.lock
    assert time.monotonic() - started < 25, "a dead builder's lease is not waited for"
    names = {path.name for path in workshop.entry(spec).directory.iterdir()}
    assert environment.directory is not None
    assert names == {"ready.json", "users", environment.directory.name}


@pytest.mark.parametrize("delay_s", [0.0, 0.15, 0.3, 0.45])
def test_a_builder_killed_at_any_moment_does_not_hinder_the_next(
    delay_s: float, workshop: Workshop, tmp_path: Path
) -> None:
    make_wheel(workshop.wheels, "tiny")
    spec = workshop.spec("tiny")
    with ended(start(workshop, spec, tmp_path)) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        try:
            worker.wait(delay_s)
        except subprocess.TimeoutExpired:
            children = psutil.Process(worker.pid).children(recursive=True)
            worker.kill()
            worker.wait(30)
            for child in children:
                wait_for_end(child, 60)  # an installer ends by itself
    environment, _ = workshop.ensure(spec)
    assert environment.python is not None
    subprocess.run([environment.python, "-c", "import tiny"], check=True, timeout=60)


def test_terminated_in_the_middle_of_a_build_leaves_nothing_and_the_next_run_builds(
    workshop: Workshop, tmp_path: Path
) -> None:
    make_wheel(workshop.wheels, "tiny")
    spec = workshop.spec("tiny")
    directory = workshop.entry(spec).directory
    with ended(start(workshop, spec, tmp_path, stall="installing", catch_signals=True)) as worker:
        until(lambda: worker.stdout is not None and worker.stdout.readline() == "stalled\n", "stalled")
        assert any(path.is_dir() and "." not in path.name for path in directory.iterdir())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 130
    assert list(directory.iterdir()) == []
    assert workshop.ensure(spec)[1]


def test_waiting_for_a_builder_that_never_ends_ends_with_its_name(workshop: Workshop, tmp_path: Path) -> None:
    make_wheel(workshop.wheels, "tiny")
    spec = workshop.spec("tiny")
    with ended(start(workshop, spec, tmp_path, stall="finding")) as worker:
        until(lambda: worker.stdout is not None and worker.stdout.readline() == "stalled\n", "stalled")
        from runner.environments.ensure import ensure

        with pytest.raises(EnvironmentBuildError, match=f"process {worker.pid}"):
            ensure(
                spec,
                cache_dir=workshop.cache_dir,
                environ=workshop.environ,
                listener=lambda _: None,
                timeout_s=0.3,
            )


def test_a_full_disk_says_so_and_the_next_run_builds(workshop: Workshop, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    workshop.cache_dir.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(workshop.cache_dir)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr!r}")
    try:
        make_wheel(workshop.wheels, "huge", payload_bytes=20_000_000)
        spec = workshop.spec("huge")
        with pytest.raises(EnvironmentBuildError) as caught:
            workshop.ensure(spec)
        assert "disk is full" in str(caught.value)
        assert str(workshop.cache_dir) in str(caught.value)
        assert read_marker(workshop.entry(spec).marker) is None
        subprocess.run(["mount", "-o", "remount,size=90m", str(workshop.cache_dir)], check=True)
        environment, built = workshop.ensure(spec)
        assert built
        assert "huge==1.0" in environment.lock
    finally:
        subprocess.run(["umount", "--lazy", str(workshop.cache_dir)], check=True)


@pytest.mark.parametrize("size_kib", [4, 16])
def test_a_disk_that_was_full_before_the_build_says_so(size_kib: int, workshop: Workshop) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    workshop.cache_dir.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(workshop.cache_dir)],
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr!r}")
    try:
        with pytest.raises(EnvironmentBuildError, match="disk is full"):
            workshop.ensure(workshop.spec())
    finally:
        subprocess.run(["umount", "--lazy", str(workshop.cache_dir)], check=True)
