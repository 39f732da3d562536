"""One template process, seen from the process that owns it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO

from runner.conversation import Streams, converse
from runner.process import as_json, programs_stdin, start_guardian, wait_or_kill
from runner.program import Program
from runner.stop import Stop
from runner.warm.modules_to_import import Step
from runner.warm.python_command import PythonCommand

_HERE = Path(__file__).parent
_SCRIPT = _HERE / "importlib_bootstrap" / "template.py"
_GUARDIAN = _HERE.parent / "guardian.py"
_PIPE_BYTES = 1 << 20  # what the imports may print
_ANSWER_BYTES = 1 << 20
_HANDSHAKE_S = 20.0
_LEAVE_S = 0.2
_END_S = 5.0


class TemplateFailed(Exception):
    """The template cannot be used. `omit` is the number of a step to be left out of another one, or None."""

    def __init__(self, reason: str, omit: int | None = None) -> None:
        super().__init__(reason)
        self.omit = omit


class TemplateProcess:
    """A process that has imported what its plan says, and forks programs. Thread-safe.

    `names` are the modules that it has loaded, without those inside packages.
    """

    def __init__(
        self, command: PythonCommand, steps: Sequence[Step], *, cwd: Path, environ: Mapping[str, str]
    ) -> None:
        """Starts it and returns at once. Raises OSError where there is no such Python."""
        self.names: frozenset[str] = frozenset()
        self._homes: dict[str, int] = {}
        self._lock = threading.Lock()
        with ExitStack() as theirs:
            self._requests, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._news, news = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._control, control = socket.socketpair()
            for end in (requests, news, control):
                theirs.enter_context(end)
            self._news.setblocking(False)
            pipes = [_pipe(theirs) for _ in range(2)]
            plan = json.dumps({"steps": [asdict(step) for step in steps], "guardian": str(_GUARDIAN)})
            fds = [
                requests.fileno(),
                news.fileno(),
                *(pipe[0].fileno() for pipe in pipes),
                _memory(plan, theirs),
            ]
            try:
                self._guardian = start_guardian(
                    [command.python, *command.options, str(_SCRIPT), *map(str, fds)],
                    control,
                    cwd=cwd,
                    environ=environ,
                    stdin=programs_stdin(),
                    stdout=pipes[0][1],
                    stderr=pipes[1][1].fileno(),
                    pass_fds=fds,
                )
            except OSError:
                self._close_sockets()
                raise

    def wait_until_ready(self, stop: Stop, limit_s: float) -> None:
        """Waits for the imports. Raises TemplateFailed; returns unready where a stop is requested.

        Called once, by the thread that made the process.
        """
        deadline = time.monotonic() + limit_s
        with stop.listen() as (wakeup, _):
            while stop.signal_number is None:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise TemplateFailed(f"importing its modules took longer than {limit_s:g} s")
                if self._requests in select.select([self._requests, wakeup], [], [], left_s)[0]:
                    self._take_answer(self._requests.recv(_ANSWER_BYTES))
                    return

    def _take_answer(self, message: bytes) -> None:
        if not message:
            raise TemplateFailed("the process that imports its modules ended early")
        answer = json.loads(message)
        if "unfit" in answer:
            raise TemplateFailed(answer["unfit"], answer["omit"])
        self._homes = {home: _changed_at(home) for home in answer["homes"]}
        self.names = frozenset(answer["names"])

    def is_current(self) -> bool:
        """Whether the environment is still what was imported from."""
        return all(_changed_at(home) == then for home, then in self._homes.items())

    def run(self, command: PythonCommand, program: Program, *, executed: bool = False) -> int:
        """Runs the program in a fork, as `runner.process.run_program`.

        `executed`: only its guardian is a fork, and executes the program as it stands in its argv.
        Raises TemplateFailed where the program was not started, and will not be.
        """
        order = {
            "argv": list(program.argv),
            "script_at": 1 + len(command.options),
            "has_script_path": command.has_script_path,
            "environ": dict(program.environ),
            "cwd": str(program.cwd),
            "run_id": program.run_id,
            "grace_s": program.grace_s,
            "last_resort": as_json(program.last_resort),
            "executed": executed,
        }
        ours, theirs = socket.socketpair()
        with ours, ExitStack() as passed:
            passed.enter_context(theirs)
            out, err = _pipe(passed, keep_reader=True), _pipe(passed, keep_reader=True)
            try:
                fds = [theirs.fileno(), _memory(json.dumps(order), passed), _stdin(passed)]
                fds += [out[1].fileno(), err[1].fileno()]
                with self._lock:
                    socket.send_fds(self._requests, [b"!"], fds)
                passed.close()
                guardian, received = _handshake(ours)
            except OSError as error:
                passed.close()
                out[0].close()
                err[0].close()
                raise TemplateFailed(f"its template process does not answer: {error}") from error
            try:
                return converse(
                    Streams(stdout=out[0], stderr=err[0]),
                    ours,
                    on_output=program.on_output,
                    stop=program.stop,
                    grace_s=program.grace_s,
                    received=received,
                )
            finally:
                guardian.end(2 * program.grace_s + _END_S)

    def news(self) -> list[str]:
        """Why programs started over without a template, since the last call."""
        found: list[str] = []
        with self._lock:
            while True:
                try:
                    message = self._news.recv(4096)
                except OSError:
                    return found
                if not message:
                    return found
                found.append(message.decode(errors="replace"))

    def close(self) -> None:
        """Ends the template. Programs that it started go on."""
        self._requests.close()  # it leaves at that, unless it is importing
        poll = select.poll()
        poll.register(self._control, select.POLLHUP)
        poll.poll(_LEAVE_S * 1000)
        self._control.close()
        wait_or_kill(self._guardian, _END_S)
        self._news.close()

    def _close_sockets(self) -> None:
        for end in (self._requests, self._news, self._control):
            end.close()


class _ForkedGuardian:
    """The guardian of a forked program: the template's child, known to us by a descriptor of the process."""

    def __init__(self, pidfd: int) -> None:
        self._pidfd = pidfd

    def end(self, timeout_s: float) -> None:
        """Waits for its end, kills it when the time is over, and forgets it."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        try:
            if not poll.poll(timeout_s * 1000):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(self._pidfd)


def _handshake(control: socket.socket) -> tuple[_ForkedGuardian, bytes]:
    """The guardian says that it is there, and starts the program only when it is told that we heard."""
    control.settimeout(_HANDSHAKE_S)
    message, fds, _, _ = socket.recv_fds(control, 4096, 1)
    if not fds:
        raise ConnectionError("it has ended")
    guardian = _ForkedGuardian(fds[0])
    try:
        control.sendall(b"go\n")
    except OSError:
        guardian.end(0)
        raise
    control.settimeout(None)
    return guardian, message.partition(b"\n")[2]


def _pipe(passed: ExitStack, *, keep_reader: bool = False) -> tuple[IO[bytes], IO[bytes]]:
    import fcntl

    read_fd, write_fd = os.pipe()
    reader, writer = os.fdopen(read_fd, "rb", buffering=0), os.fdopen(write_fd, "wb", buffering=0)
    if not keep_reader:
        passed.enter_context(reader)
        try:
            fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            pass  # beyond what this user may have
    passed.enter_context(writer)
    return reader, writer


def _stdin(passed: ExitStack) -> int:
    if programs_stdin() is None:
        return 0
    return passed.enter_context(open(os.devnull, "rb", buffering=0)).fileno()


def _memory(text: str, passed: ExitStack) -> int:
    """A file in memory with the text: argv and environment may be larger than a message."""
    fd = os.memfd_create("runner")
    file = passed.enter_context(os.fdopen(fd, "r+b", buffering=0))
    file.write(text.encode())
    return fd


def _changed_at(directory: str) -> int:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return 0
