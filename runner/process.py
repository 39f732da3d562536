"""The only module that starts processes.

Everything is started as argv, never as shell text of ours, and nothing started here can hang for ever: each
call takes a time limit or a `Stop`.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.conversation import Streams, converse
from runner.guardian_reports import GuardianReports
from runner.program import Program
from runner.stop import stop_at_work

_GUARDIAN = Path(__file__).with_name("guardian.py")
_STOP_CHECK_S = 0.5
_GUARDIAN_END_S = 5.0


class ToolTimeout(Exception):
    """A tool did not end within its time limit and was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A tool's exit code (negative: the signal that ended it) and everything it printed."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text, undecodable bytes kept as surrogates, trailing newline removed."""
        return os.fsdecode(self.stdout).rstrip("\n")


def capture(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout_s: float = 60.0,
) -> Captured:
    """Runs a short-lived tool (git, `python -V`) to its end and returns all that it printed.

    Raises FileNotFoundError where there is no such program, and ToolTimeout.
    Thread-safe. The tool gets no terminal: it cannot ask for anything. However the call is left, neither the
    tool nor what it started in its process group goes on.
    """
    process = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ToolTimeout(f"{argv[0]} did not end within {timeout_s:g} s") from error
    finally:
        if process.poll() is None:
            _kill_group(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()
    return Captured(argv=tuple(argv), returncode=process.returncode, stdout=out, stderr=err)


def run_logged(
    argv: Sequence[str],
    *,
    log_path: Path,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = 3600.0,
) -> int:
    """Runs a long tool (an installer) with all output appended to `log_path`; returns its exit code.

    The tool runs in a process group of its own under a guardian, and that group is killed when the call is
    left by an exception (Stopped, by whoever asked for it; KeyboardInterrupt), when the time is over
    (ToolTimeout), and when this process dies. Raises the OSError with which the tool could not be executed.
    """
    with log_path.open("ab") as log:
        log.write(f"$ {shlex.join(argv)}\n".encode(errors="surrogateescape"))
        log.flush()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            guardian = start_guardian(
                argv,
                theirs,
                cwd=cwd,
                environ=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            theirs.close()
            try:
                return _wait(ours, argv[0], timeout_s)
            finally:
                ours.close()  # a guardian still at work takes this for our death and kills the tool
                wait_or_kill(guardian, _GUARDIAN_END_S)


def program_of_ours(module: str) -> list[str]:
    """How a module of ours is run as a program, whatever modules lie in the directory where it starts."""
    code = (
        "import sys\n"
        "if sys.path[:1] == ['']: del sys.path[0]\n"
        "import runpy\n"
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", code]


def start_detached(
    argv: Sequence[str], *, log_path: Path, environ: Mapping[str, str], cwd: Path, timeout_s: float = 30.0
) -> int:
    """Starts a program of ours that outlives this process, and returns its pid when it says that it is ready.

    It gets the number of a descriptor as its last argument and writes a byte there when it is; its output is
    appended to `log_path`. Raises ToolTimeout, and ChildProcessError where it ended instead; it is dead then.
    """
    ready, theirs = os.pipe()
    try:
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [*argv, str(theirs)],
                cwd=cwd,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs],
                start_new_session=True,
            )
        os.close(theirs)
        theirs = -1
        readable, _, _ = select.select([ready], [], [], timeout_s)
        if not readable:
            _kill_group(process)
            raise ToolTimeout(f"{argv[0]} was not ready within {timeout_s:g} s (log: {log_path})")
        if not os.read(ready, 1):
            process.kill()
            raise ChildProcessError(f"it ended with exit code {process.wait()} (log: {log_path})")
        threading.Thread(target=process.wait, name="runner-reaper", daemon=True).start()
        return process.pid
    finally:
        os.close(ready)
        if theirs >= 0:
            os.close(theirs)


def _wait(control: socket.socket, name: str, timeout_s: float) -> int:
    stop = stop_at_work()
    reports = GuardianReports()
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        if stop is not None:
            stop.check()
        control.settimeout(min(left_s, _STOP_CHECK_S))
        try:
            reports.take(control.recv(4096))
        except TimeoutError:
            continue
        except OSError:
            reports.take(b"")
        if reports.refusal is not None:
            raise reports.refusal
        if reports.exit_code is not None:
            return reports.exit_code
    raise ToolTimeout(f"{name} did not end within {timeout_s:g} s")


def start_guardian(
    argv: Sequence[str],
    control: socket.socket,
    *,
    run_id: str = "",
    grace_s: float = 0.0,
    last_resort: Sequence[str] = (),
    cwd: Path | None,
    environ: Mapping[str, str] | None,
    stdin: int | None,
    stdout: int | IO[bytes],
    stderr: int,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Starts a guardian (see `runner.guardian`) and returns at once; it talks on the other end of `control`.

    When that end is closed, it kills the program. `pass_fds` are for the program, under their own numbers.
    """
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", str(_GUARDIAN)),
            *(str(control.fileno()), run_id, str(grace_s), as_json(last_resort), "--"),
            *argv,
        ],
        cwd=cwd,
        env=None if environ is None else dict(environ),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=[control.fileno(), *pass_fds],
        start_new_session=True,
    )


def wait_or_kill(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Waits for a process of ours to end by itself, and kills it when the time is over."""
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_program(program: Program) -> int:
    """Runs a user's program under a guardian (see `runner.guardian`) to its end; returns its exit code.

    A negative one is a signal's number, as in `subprocess`. Raises ProgramNotStarted. Thread-safe; each call
    is independent.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        guardian = start_guardian(
            program.argv,
            theirs,
            run_id=program.run_id,
            grace_s=program.grace_s,
            last_resort=program.last_resort,
            cwd=program.cwd,
            environ=program.environ,
            stdin=programs_stdin(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        assert guardian.stdout is not None
        assert guardian.stderr is not None
        streams = Streams(stdout=guardian.stdout, stderr=guardian.stderr)
        try:
            return converse(
                streams, ours, on_output=program.on_output, stop=program.stop, grace_s=program.grace_s
            )
        finally:
            wait_or_kill(guardian, 2 * program.grace_s + _GUARDIAN_END_S)


def as_json(argv: Sequence[str]) -> str:
    """An argv as a guardian takes it."""
    import json

    return json.dumps(list(argv)) if argv else ""


def programs_stdin() -> int | None:
    """What a program reads from, as `subprocess` spells it: our stdin (None) or DEVNULL."""
    # A program in a process group of its own cannot read the terminal: it would be stopped by TTIN for ever.
    # Everything else (a pipe, a file) is the program's to read.
    try:
        return subprocess.DEVNULL if os.isatty(0) else None
    except OSError:
        return subprocess.DEVNULL
