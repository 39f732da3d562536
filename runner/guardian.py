"""Stands between `runner` and a program so that neither outlives the other unnoticed.

Not imported by `runner`: `runner.process` starts it as a script, one for each run, and one for each long
tool (an installer, a fetch; without RUN_ID, grace and last resort):

    python -I -S guardian.py CONTROL_FD RUN_ID GRACE_S LAST_RESORT -- PROGRAM [ARGUMENT ...]

It starts the program in a process group of its own and talks over the socket CONTROL_FD, one line a message:

    to the runner:    started PID, then refused ERRNO TEXT or exit CODE  (as in subprocess: -N is signal N)
    from the runner:  signal N

A template (`runner.warm`) calls `main` in a process that it forked, with `become` to make the program of
another fork in the place of executing it.

When the socket closes while the program is running, the runner is dead: the program gets TERM, GRACE_S
seconds, and KILL, and then LAST_RESORT (a JSON list: argv; may be empty) is executed to close its record.
Whatever the program leaves in its process group ends with it.

Standard library only and few imports: every run pays for its start.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

LEFTOVER_GRACE_S = 2.0

TYPE_CHECKING = False  # as `typing` has it, without the time that its import takes
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Become: TypeAlias = "Callable[[Guard, list[str], int, int], None]"


class Guard:
    """One program, its process group, and the line to the runner."""

    def __init__(self, control: socket.socket, run_id: str, grace_s: float) -> None:
        self.control = control
        self.run_id = run_id
        self.grace_s = grace_s
        self.pid = 0
        self.runner_is_there = True
        self._received = b""

    def start(self, argv: list[str], become: Become) -> bool:
        """Forks and executes; False where the program could not be executed."""
        failure_read, failure_write = os.pipe()
        go_read, go_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(go_write)
            become(self, argv, go_read, failure_write)
        os.close(failure_write)
        os.close(go_read)
        self._join_group(pid)
        # The runner knows of the program before it exists: were we killed in between, nobody would end it.
        self.say(b"started %d" % pid)
        try:
            os.write(go_write, b"!")
        except OSError:
            pass  # somebody was quick to kill it
        os.close(go_write)
        failure = os.read(failure_read, 4096)
        os.close(failure_read)
        if failure:
            os.waitpid(pid, 0)
            self.say(b"refused " + failure)
            return False
        self.pid = pid
        return True

    @staticmethod
    def _join_group(pid: int) -> None:
        # Parent and child both do it: whoever comes first, the group exists before a signal is sent to it.
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass

    def say(self, message: bytes) -> None:
        """Tells the runner; a runner that is gone is noticed by `watch`."""
        try:
            self.control.sendall(message + b"\n")
        except OSError:
            self.runner_is_there = False

    def watch(self, wakeup: int) -> int:
        """Waits for the program's end and returns its exit code; sees to it when the runner disappears."""
        while True:
            code = self.exit_code()
            if code is not None:
                return code
            if not self.runner_is_there:
                return self.terminate()
            readable, _, _ = select.select([self.control.fileno(), wakeup], [], [])
            if wakeup in readable:
                os.read(wakeup, 4096)
            if self.control.fileno() in readable:
                self._listen()

    def _listen(self) -> None:
        try:
            chunk = self.control.recv(4096)
        except OSError:
            chunk = b""
        if not chunk:
            self.runner_is_there = False
            return
        *messages, self._received = (self._received + chunk).split(b"\n")
        for message in messages:
            if message.startswith(b"signal "):
                self.kill(int(message[7:]))

    def exit_code(self) -> int | None:
        """The program's exit code, or None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def kill(self, signal_number: int) -> None:
        """Signals the whole process group; nothing where there is none yet."""
        try:
            if self.pid:
                os.killpg(self.pid, signal_number)
        except (ProcessLookupError, PermissionError):
            pass

    def terminate(self) -> int:
        """TERM, the grace period, KILL."""
        self.kill(signal.SIGTERM)
        self.kill(signal.SIGCONT)
        deadline = time.monotonic() + self.grace_s
        while time.monotonic() < deadline:
            code = self.exit_code()
            if code is not None:
                return code
            time.sleep(0.02)
        self.kill(signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def clear_up(self) -> None:
        """Ends what the program left in its group and, if the runner died, what else bears the run's id."""
        if self._group_is_empty():
            if not self.runner_is_there:
                self._kill_marked()
            return
        self.kill(signal.SIGTERM)
        self.kill(signal.SIGCONT)
        deadline = time.monotonic() + min(LEFTOVER_GRACE_S, self.grace_s)
        while time.monotonic() < deadline and not self._group_is_empty():
            time.sleep(0.02)
        self.kill(signal.SIGKILL)
        if not self.runner_is_there:
            self._kill_marked()

    def _group_is_empty(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def _kill_marked(self) -> None:
        # One that left the group (setsid, a daemon) still has an environment that names the run. Linux only.
        if not self.run_id:
            return
        mark = b"RUNNER_RUN_ID=" + os.fsencode(self.run_id)
        for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                with open(f"/proc/{name}/environ", "rb") as environ:
                    if mark in environ.read().split(b"\0"):
                        os.kill(int(name), signal.SIGKILL)
            except OSError:
                continue


def execute(_guard: Guard, argv: list[str], go_read: int, failure_write: int) -> None:
    """In the fork: executes the program once it is told to, and writes why it cannot be executed."""
    try:
        os.setpgid(0, 0)
        if not os.read(go_read, 1):
            os._exit(127)
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(name, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(failure_write, f"{error.errno} {error.strerror}".encode())
    finally:
        os._exit(127)


def main(arguments: list[str], become: Become = execute) -> int:
    """Runs the program to its end."""
    control_fd, run_id, grace_s, last_resort = arguments[:4]
    control = socket.socket(fileno=int(control_fd))
    control.set_inheritable(False)  # in the program's hands it would hide our death from the runner
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    guard = Guard(control, run_id, float(grace_s))
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: guard.kill(number))
    if not guard.start(arguments[5:], become):
        return 127
    code = guard.watch(wakeup_read)
    guard.clear_up()
    guard.say(b"exit %d" % code)
    if not guard.runner_is_there and last_resort:
        import json

        argv = json.loads(last_resort)
        if argv:
            os.chdir("/")
            os.execv(argv[0], [*argv, str(code)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
