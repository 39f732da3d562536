"""Has runs performed by a worker: a process of its own, which goes on when this one dies."""

from __future__ import annotations

import queue
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from runner.errors import SubmissionError
from runner.executors import messages
from runner.executors.messages import Cancel, Ended, Forget, Hello, Leave, Opened, Said, Submit
from runner.executors.worker_folder import WorkerFolder
from runner.model.run import RunSpec
from runner.process import ToolTimeout, start_detached

_CONNECT_S = 10.0


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
        except OSError:
            hello = None
        if isinstance(hello, Hello) and hello.protocol == messages.PROTOCOL:
            return line, hello
        line.close()
        return None

    def _start(self) -> tuple[socket.socket, Hello]:
        start_detached(
            [sys.executable, "-m", "runner.worker", str(self.folder.path)],
            log_path=self.folder.log_path,
            environ=self._environ,
            cwd=self._cwd,
        )
        found = self._meet()
        if found is None:
            raise OSError("it does not answer")
        return found

    def submit(self, token: str, spec: RunSpec, *, timeout_s: float | None = None) -> None:
        """Has the order performed; what becomes of it is heard. A worker that is gone is heard of, too."""
        self._send(Submit(token, spec, timeout_s))

    def cancel(self, token: str, why: str) -> None:
        """Has the run stopped."""
        self._send(Cancel(token, why))

    def forget(self, token: str) -> None:
        """The run's report is noted."""
        self._send(Forget(token))

    def close(self) -> None:
        """The worker ends when its last run is over."""
        self._closed = True
        self._send(Leave())
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_WR)
        if self._reader is not None:
            self._reader.join(_CONNECT_S)
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
            except (OSError, EOFError):
                news = None
            if news is None:
                if not self._closed:
                    self._heard(WorkerDied())
                return
            if isinstance(news, (Opened, Ended, Said)):
                self._heard(news)


def heard_into(inbox: queue.SimpleQueue[object]) -> Callable[[Heard], None]:
    """A listener that puts all into a queue."""
    return inbox.put


def worker_is_alive(folder: Path) -> bool:
    """Whether a worker listens there."""
    line = WorkerFolder(folder).connect(_CONNECT_S)
    if line is None:
        return False
    line.close()
    return True
