"""Has runs performed by a worker: a process of its own, which goes on when this one dies."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from runner.errors import SubmissionError
from runner.executors import messages
from runner.executors.messages import Cancel, Ended, Forget, Hello, Leave, Opened, Said, Submit
from runner.executors.worker_folder import WorkerFolder
from runner.model.run import RunSpec
from runner.process import ToolTimeout, program_of_ours, start_detached

_CONNECT_S = 10.0
_START_S = 90.0


class WorkerDied(Exception):
    """The worker is gone, and with it every run that it performed."""


Heard = Opened | Ended | Said | WorkerDied


class HostedExecutor:
    """A line to the worker of a folder, which is started where none is at work.

    `heard` is called on a thread of ours with all that the worker says, in order, and at last with WorkerDied
    if it dies; nothing comes after that. Requests are thread-safe.
    """

    def __init__(
        self, folder: Path, *, environ: Mapping[str, str], cwd: Path, heard: Callable[[Heard], None]
    ) -> None:
        self.folder = WorkerFolder(folder)
        self._environ = environ
        self._cwd = cwd
        self._heard = heard
        self._line: socket.socket | None = None
        self._sending = threading.Lock()
        self._closed = False
        self._reader: threading.Thread | None = None

    def connect(self) -> frozenset[str]:
        """Finds or starts the worker; returns the tokens of the runs that it knows.

        Raises SubmissionError.
        """
        try:
            self.folder.make()
            found = self._meet() or self._start()
        except (OSError, ToolTimeout) as error:
            raise SubmissionError(
                f"the worker in {self.folder.path} cannot be started: {error}",
                executor="worker",
                hint=f"what it printed is in {self.folder.log_path}",
            ) from error
        line, hello = found
        line.settimeout(None)
        self._line = line
        self._reader = threading.Thread(target=self._read, args=(line,), name="runner-worker", daemon=True)
        self._reader.start()
        return frozenset(hello.tokens)

    def _meet(self) -> tuple[socket.socket, Hello] | None:
        line = self.folder.connect(_CONNECT_S)
        if line is None:
            return None
        try:
            hello = messages.receive(line)
        except Exception:  # noqa: BLE001  # gone, silent, or of a version that speaks otherwise
            hello = None
        if isinstance(hello, Hello) and hello.protocol == messages.PROTOCOL:
            return line, hello
        line.close()
        return None

    def _start(self) -> tuple[socket.socket, Hello]:
        try:
            start_detached(
                [*program_of_ours("runner.worker"), str(self.folder.path)],
                log_path=self.folder.log_path,
                environ=self._environ,
                cwd=self._cwd,
                timeout_s=_START_S,
            )
        except ChildProcessError:
            # Perhaps another one is at work by now.
            found = self._meet()
            if found is None:
                raise OSError(self._why_not()) from None
            return found
        found = self._meet()
        if found is None:
            raise OSError("it does not answer")
        return found

    def _why_not(self) -> str:
        holder = self.folder.lease.holder()
        if holder is None or holder.owner is None:
            return "it ended at once"
        who = f"pid {holder.owner.pid} on {holder.owner.host}"
        return f"another one ({who}) is at work there and does not answer"

    def submit(self, token: str, spec: RunSpec, *, timeout_s: float | None = None) -> None:
        """Has the order performed; what becomes of it is heard. A worker that is gone is heard of, too."""
        self._send(Submit(token, spec, timeout_s))

    def cancel(self, token: str, why: str) -> None:
        """Has the run stopped."""
        self._send(Cancel(token, why))

    def forget(self, token: str) -> None:
        """The run's report is noted."""
        self._send(Forget(token))

    def close(self, *, at_once: bool = False) -> None:
        """The worker ends when its last run is over; unless `at_once`, that is waited for, for a while."""
        self._closed = True
        self._send(Leave())
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_WR)
        if self._reader is not None:
            self._reader.join(0.0 if at_once else _CONNECT_S)
        if self._line is not None:
            self._line.close()

    def _send(self, request: messages.Request) -> None:
        if self._line is None:
            return
        # Where the worker is gone, the reader notices and says so.
        with self._sending, suppress(OSError):
            messages.send(self._line, request)

    def _read(self, line: socket.socket) -> None:
        while True:
            try:
                news = messages.receive(line)
            except Exception:  # noqa: BLE001  # whatever came is nothing that can be understood
                news = None
            if news is None:
                if not self._closed:
                    self._heard(WorkerDied())
                return
            if isinstance(news, (Opened, Ended, Said)):
                self._heard(news)
