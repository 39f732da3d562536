"""The life of a template: to import what its plan says, then to fork a program at each request."""

from __future__ import annotations

import array
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import warnings
from typing import Any

from .appearance import show_as
from .program import Program, become
from .recording import Imported, Recorder, Unfit, environment_directories

_HANDLED_BY_GUARDIANS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)
_HIGH_FD = 400  # where a program does not look for its files
_ORDER_LIMIT_BYTES = 1 << 26


class _InProgram(BaseException):
    """Raised in the forked program, to leave all that the template and the guardian were doing."""


def serve(arguments: list[str], at_start: frozenset[str]) -> Program:
    """Serves requests until their sender is gone, then ends the process. Returns in forked programs alone."""
    fds = [int(argument) for argument in arguments]
    template = _Template(*fds, at_start=at_start)
    template.prepare()
    try:
        template.serve()
    except _InProgram:
        pass
    return template.program()


class _Template:
    def __init__(
        self,
        requests_fd: int,
        news_fd: int,
        stdout_fd: int,
        stderr_fd: int,
        plan_fd: int,
        *,
        at_start: frozenset[str],
    ) -> None:
        self.requests = socket.socket(fileno=requests_fd)
        self.news_fd = _high(news_fd)
        self.output_fds = (stdout_fd, stderr_fd)
        for fd in (requests_fd, stdout_fd, stderr_fd):
            os.set_inheritable(fd, False)
            os.set_blocking(fd, fd == requests_fd)
        self.plan = json.loads(_content(plan_fd))
        self.at_start = at_start
        first = _first_environ()
        # Python itself sets one where the locale is C, and files of site-packages may.
        self.added = {
            name: value
            for name, value in os.environ.items()
            if os.fsencode(f"\0{name}={value}\0") not in first
        }
        self.imported: Imported
        self.order: dict[str, Any] = {}
        self.guardians: dict[int, int] = {}  # pid by pidfd
        self.handlers: dict[int, Any] = {}

    def prepare(self) -> None:
        """Imports, and says what came of it."""
        try:
            if sys.version_info < (3, 10) or not hasattr(os, "pidfd_open"):
                raise Unfit("its Python is older than 3.10")
            show_as(sys.orig_argv, os.environ)
            guardian = importlib.util.spec_from_file_location("_runner_guardian", self.plan["guardian"])
            assert guardian is not None
            assert guardian.loader is not None
            self.guardian = importlib.util.module_from_spec(guardian)
            guardian.loader.exec_module(self.guardian)
            open_before = _open_fds()
            self.imported = Recorder(self.at_start, *self.output_fds).perform(self.plan["steps"])
            self.kept_fds = {0, 1, 2, self.news_fd} | (_open_fds() - open_before)
        except (Unfit, OSError) as error:
            self._say({"unfit": str(error), "omit": getattr(error, "omit", None)})
            os._exit(0)
        self.handlers = {number: signal.getsignal(number) for number in _HANDLED_BY_GUARDIANS}
        tops = {name.partition(".")[0] for name in self.imported.modules} - set(sys.builtin_module_names)
        homes = [home for home in environment_directories() if os.path.isdir(home)]
        self._say({"names": sorted(tops), "homes": homes})
        os.chdir("/")
        gc.collect()
        gc.freeze()

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self.requests.sendall(json.dumps(message).encode())
        except OSError:
            os._exit(0)

    def serve(self) -> None:
        """Forks for each request. Leaves by _InProgram, or ends the process."""
        poll = select.poll()
        poll.register(self.requests.fileno(), select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self.requests.fileno():
                    guardian = self._take_request()
                    self.guardians[guardian[0]] = guardian[1]
                    poll.register(guardian[0], select.POLLIN)
                else:
                    poll.unregister(fd)
                    os.waitpid(self.guardians.pop(fd), 0)
                    os.close(fd)

    def _take_request(self) -> tuple[int, int]:
        fds = array.array("i")
        message, ancillary, _, _ = self.requests.recvmsg(1, socket.CMSG_SPACE(5 * fds.itemsize))
        if not message:
            os._exit(0)
        fds.frombytes(ancillary[0][2])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fork beside threads: those that do not bear it are not here
            pid = os.fork()
        if pid == 0:
            try:
                self._be_guardian(*fds)
            except _InProgram:
                raise
            except BaseException as error:  # noqa: BLE001  # nothing of the template may go on twice
                os.write(self.news_fd, f"a fault of the template: {error!r}".encode())
            os._exit(1)
        for fd in fds:
            os.close(fd)
        return os.pidfd_open(pid), pid

    def _be_guardian(self, control_fd: int, order_fd: int, stdin: int, stdout: int, stderr: int) -> None:
        os.setsid()
        self.requests.detach()
        control = socket.socket(fileno=_high(control_fd))
        for number, fd in enumerate((stdin, stdout, stderr)):
            os.dup2(fd, number)
        self.order = json.loads(_content(order_fd))
        self._close_all_but(self.kept_fds | {control.fileno()})
        os.environ.clear()
        executed = self.order["executed"]
        os.environ.update(self.order["environ"] if executed else {**self.order["environ"], **self.added})
        os.chdir(self.order["cwd"])
        pidfd = os.pidfd_open(os.getpid())
        control.sendmsg([b"guardian\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))])
        os.close(pidfd)
        if control.recv(3) != b"go\n":
            os._exit(0)  # it was given up: the program runs elsewhere
        self.control = control
        arguments = [
            str(control.fileno()),
            self.order["run_id"],
            str(self.order["grace_s"]),
            self.order["last_resort"],
        ]
        control.detach()
        become = self.guardian.execute if executed else self._be_program
        os._exit(self.guardian.main([*arguments, "--", *self.order["argv"]], become=become))

    def _be_program(self, guard: Any, _argv: list[str], go_read: int, _failure_write: int) -> None:
        os.setpgid(0, 0)
        if not os.read(go_read, 1):
            os._exit(127)
        signal.set_wakeup_fd(-1)
        for number, handler in self.handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        guard.control.detach()
        self._close_all_but(self.kept_fds)  # the guardian takes the end of the failure pipe for success
        raise _InProgram

    def program(self) -> Program:
        """The program that this process now is."""
        return become(self.order, self.imported, self.news_fd)

    @staticmethod
    def _close_all_but(kept: set[int]) -> None:
        for fd in _open_fds() - kept:
            try:
                os.close(fd)
            except OSError:
                continue


def _open_fds() -> set[int]:
    listed = {int(name) for name in os.listdir("/proc/self/fd")}
    return {fd for fd in listed if os.path.lexists(f"/proc/self/fd/{fd}")}  # not the one that listed them


def _high(fd: int) -> int:
    """Moves a descriptor out of the way of the program's own, which begin at 3."""
    import fcntl

    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:  # beyond this process' limit
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 0)
    os.close(fd)
    return moved


def _content(fd: int) -> bytes:
    content = os.pread(fd, _ORDER_LIMIT_BYTES, 0)
    os.close(fd)
    return content


def _first_environ() -> bytes:
    with open("/proc/self/environ", "rb") as file:
        return b"\0" + file.read()
