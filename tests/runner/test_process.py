from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.conversation import ProgramNotStarted
from runner.process import (
    ToolTimeout,
    capture,
    run_logged,
    run_program,
)
from runner.program import Program
from runner.stop import Stop, Stopped
from tests.processes import has_ended


def wait_until(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


class Running:
    """A program run in a thread of the test."""

    def __init__(self, script: str, cwd: Path, *, grace_s: float = 5.0, run_id: str = "r1") -> None:
        self.output: dict[str, bytes] = {"stdout": b"", "stderr": b""}
        self.stop = Stop()
        self.code: int | None = None
        self.thread = threading.Thread(
            target=self._run, args=([sys.executable, "-c", script], cwd, grace_s, run_id)
        )
        self.thread.start()

    def _run(self, argv: list[str], cwd: Path, grace_s: float, run_id: str) -> None:
        self.code = run_program(
            Program(
                argv=argv,
                run_id=run_id,
                cwd=cwd,
                environ={**os.environ, "RUNNER_RUN_ID": run_id, "PYTHONUNBUFFERED": "1"},
                on_output=self._take,
                stop=self.stop,
                grace_s=grace_s,
            )
        )

    def _take(self, stream: str, data: bytes) -> None:
        self.output[stream] += data

    def wait_for(self, text: bytes) -> None:
        wait_until(lambda: text in self.output["stdout"])

    def end(self) -> int:
        self.thread.join(30)
        assert self.code is not None
        return self.code


def run(argv: list[str], cwd: Path, stop: Stop | None = None) -> tuple[int, bytes, bytes]:
    output = {"stdout": b"", "stderr": b""}

    def take(stream: str, data: bytes) -> None:
        output[stream] += data

    code = run_program(
        Program(
            argv=argv,
            run_id="r",
            cwd=cwd,
            environ=dict(os.environ),
            on_output=take,
            stop=stop or Stop(),
            grace_s=2,
        )
    )
    return code, output["stdout"], output["stderr"]


def test_a_program_gets_argv_cwd_and_environ_and_its_streams_arrive_apart(tmp_path: Path) -> None:
    script = (
        "import os,sys,json; print(json.dumps([sys.argv[1:], os.getcwd()])); print('oops', file=sys.stderr)"
    )
    argv = ["a b", "'", '"', "$HOME", "--", "", "ü\n"]

    code, out, err = run([sys.executable, "-c", script, *argv], tmp_path)

    assert (code, json.loads(out), err) == (0, [argv, str(tmp_path.resolve())], b"oops\n")


@pytest.mark.parametrize(
    ("ending", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", -9), ("pass", 0)]
)
def test_the_exit_code_is_the_programs(tmp_path: Path, ending: str, code: int) -> None:
    assert run([sys.executable, "-c", f"import os,sys; {ending}"], tmp_path)[0] == code


def test_a_program_that_cannot_be_executed_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotStarted, match="No such file"):
        run([str(tmp_path / "missing")], tmp_path)


def test_a_megabyte_of_output_on_both_streams_arrives_whole(tmp_path: Path) -> None:
    script = "import sys; [ (sys.stdout.write('x'*1000), sys.stderr.write('y'*1000)) for _ in range(1000) ]"

    code, out, err = run([sys.executable, "-c", script], tmp_path)

    assert (code, len(out), len(err)) == (0, 1_000_000, 1_000_000)


def test_a_stop_request_is_passed_on_as_the_same_signal(tmp_path: Path) -> None:
    program = Running(
        "import signal,time,sys\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('got INT'), sys.exit(5)))\n"
        "print('ready')\nwhile True: time.sleep(1)",
        tmp_path,
    )
    program.wait_for(b"ready")

    program.stop.request(signal.SIGINT)

    assert program.end() == 5
    assert b"got INT" in program.output["stdout"]


def test_a_program_that_ignores_signals_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    program = Running(
        "import signal,time\n"
        "[signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)]\n"
        "print('ready')\nwhile True: time.sleep(1)",
        tmp_path,
        grace_s=0.2,
    )
    program.wait_for(b"ready")

    program.stop.request(signal.SIGINT)

    assert program.end() == -signal.SIGKILL


def test_a_third_request_kills_at_once(tmp_path: Path) -> None:
    program = Running(
        "import signal,time\n"
        "[signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)]\n"
        "print('ready')\nwhile True: time.sleep(1)",
        tmp_path,
        grace_s=60,
    )
    program.wait_for(b"ready")

    for _ in range(3):
        program.stop.request(signal.SIGINT)

    assert program.end() == -signal.SIGKILL


def test_what_a_program_leaves_in_its_group_ends_with_it(tmp_path: Path) -> None:
    script = (
        "import subprocess,sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\nprint(p.pid)"
    )

    code, out, _ = run([sys.executable, "-c", script], tmp_path)

    assert code == 0
    wait_until(lambda: has_ended(int(out)))


def test_a_program_whose_guardian_is_killed_does_not_go_on(tmp_path: Path) -> None:
    program = Running("import os,time; print(os.getpid(), os.getppid()); time.sleep(600)", tmp_path)
    program.wait_for(b"\n")
    pid, guardian = map(int, program.output["stdout"].split())

    os.kill(guardian, signal.SIGKILL)

    assert program.end() == -signal.SIGKILL
    wait_until(lambda: has_ended(pid))


RUNNER = """
import os, sys
from runner.process import run_program
from runner.program import Program
from runner.stop import Stop
from pathlib import Path
run_program(Program(argv=[sys.executable, "-c", sys.argv[1]], run_id="r-lost", cwd=Path.cwd(),
    environ={**os.environ, "RUNNER_RUN_ID": "r-lost"}, on_output=lambda s, d: os.write(1, d), stop=Stop(), grace_s=0.5,
    last_resort=[sys.executable, "-c", "import sys; open(sys.argv[1], 'w').write(sys.argv[2])", sys.argv[2]]))
"""


def test_when_the_runner_is_killed_the_program_ends_and_the_last_resort_is_executed(
    tmp_path: Path, repository: Path
) -> None:
    import subprocess

    note = tmp_path / "note"
    # One write a line: two processes share the pipe.
    script = "import os,time; os.fork() or os.setsid(); os.write(1, b'%d\\n' % os.getpid()); time.sleep(600)"
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, script, str(note)], stdout=subprocess.PIPE, cwd=repository
    )
    assert runner.stdout is not None
    pids = [int(runner.stdout.readline()) for _ in range(2)]

    runner.kill()
    runner.wait()
    runner.stdout.close()

    wait_until(lambda: all(map(has_ended, pids)))
    wait_until(lambda: note.exists() and note.read_text() != "")
    assert int(note.read_text()) == -signal.SIGTERM


def test_capture_returns_what_a_tool_prints_and_times_out() -> None:
    assert capture([sys.executable, "-c", "print('a')"]).text == "a"
    with pytest.raises(ToolTimeout, match="did not end"):
        capture([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.2)


def test_a_logged_tool_is_killed_with_its_children_when_its_time_is_over(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "import subprocess,sys,time; p=subprocess.Popen(['sleep','600']); print(p.pid, flush=True); time.sleep(600)"

    with pytest.raises(ToolTimeout):
        run_logged([sys.executable, "-c", script], log_path=log, timeout_s=1.0)

    child = int(log.read_text().splitlines()[-1])
    wait_until(lambda: has_ended(child))


def test_a_request_inside_interruptible_raises_at_once_and_later_work_is_refused() -> None:
    stop = Stop()
    with pytest.raises(Stopped, match="SIGTERM"), stop.interruptible():
        stop.request(signal.SIGTERM)
    with pytest.raises(Stopped):
        stop.check()


def test_a_logged_tool_on_another_thread_is_stopped_by_a_request(tmp_path: Path) -> None:
    stop = Stop()
    raised: list[BaseException] = []

    def build() -> None:
        try:
            with stop.interruptible():
                run_logged(["sleep", "600"], log_path=tmp_path / "log")
        except Stopped as error:
            raised.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    wait_until((tmp_path / "log").exists)
    stop.request(signal.SIGTERM)
    thread.join(10)

    assert [str(error) for error in raised] == ["stopped by SIGTERM"]
