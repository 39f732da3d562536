"""The runs of one worker, and the line to whoever it works for."""

from __future__ import annotations

import hmac
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from runner.events import Event, Warned
from runner.executors import messages
from runner.executors.messages import Cancel, Ended, Forget, Hello, Leave, News, Opened, Said, Submit
from runner.executors.reports import Report
from runner.executors.worker_folder import WorkerFolder
from runner.model.run import Outcome, RunSpec
from runner.stop import Stop

Perform = Callable[[RunSpec, Stop, Callable[[str], None]], Outcome]

LINGER_S = 60.0
"""How long a worker without a caller and without runs waits for somebody who resumes the sweep."""
_KEY_WITHIN_S = 5.0
_LOOK_S = 0.5


class HostedRun:
    """A run that is performed here. `stopped_for` is why it was stopped, "" where it was not."""

    def __init__(self, submitted: Submit) -> None:
        self.token = submitted.token
        self.spec = submitted.spec
        self.timeout_s = submitted.timeout_s
        self.stop = Stop()
        self.run_id = ""
        self.stopped_for = ""
        self.report: Report | None = None

    def cancel(self, why: str) -> None:
        """Asks it to end, and asks harder each time."""
        self.stopped_for = self.stopped_for or why
        self.stop.request(signal.SIGTERM)


class Host:
    """Performs what it is told to, each run in a thread; one caller at a time, the last one that came."""

    def __init__(self, folder: WorkerFolder, *, linger_s: float = LINGER_S) -> None:
        self._folder = folder
        self._perform: Perform | None = None
        self._linger_s = linger_s
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._runs: dict[str, HostedRun] = {}
        self._line: socket.socket | None = None
        self._leaving = False
        self._terminated = threading.Event()
        self._waking, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._left_alone_since = time.monotonic()
        self._farewell: socket.socket | None = None

    def hear(self, event: Event) -> None:
        """Takes the news of all runs; warnings are passed on."""
        if isinstance(event, Warned):
            self._tell(Said(event.message))

    def say(self, message: str) -> None:
        """Passes a sentence on, for people."""
        self._tell(Said(message))

    def serve(self, listening: socket.socket, perform: Perform) -> None:
        """Works until nothing is left to do and nobody comes any more."""
        self._perform = perform
        has_stopped = False
        while not self._is_done():
            if self._terminated.is_set() and not has_stopped:
                has_stopped = True
                for run in self._unfinished():
                    run.cancel("stopped")
            readable, _, _ = select.select([listening, self._waking], [], [], _LOOK_S)
            if self._waking in readable:
                self._waking.recv(64)
            if listening in readable:
                line, _ = listening.accept()
                threading.Thread(target=self._welcome, args=(line,), daemon=True).start()

    def stop_all(self) -> None:
        """Has every run end, and takes no more. Safe within a signal handler."""
        self._terminated.set()

    def _is_done(self) -> bool:
        if self._unfinished():
            self._left_alone_since = time.monotonic()
            return False
        if self._leaving or self._terminated.is_set():
            return True
        if self._line is not None:
            self._left_alone_since = time.monotonic()
        return time.monotonic() - self._left_alone_since > self._linger_s

    def _unfinished(self) -> list[HostedRun]:
        with self._lock:
            return [run for run in self._runs.values() if run.report is None]

    def _welcome(self, line: socket.socket) -> None:
        line.settimeout(_KEY_WITHIN_S)
        is_last = False
        try:
            key = messages.receive_exactly(line, messages.KEY_BYTES)
            if key is None or not hmac.compare_digest(key, self._folder.key()):
                return
            line.settimeout(None)
            self._take_over(line)
            is_last = self._listen(line)
        except OSError:
            pass
        finally:
            with self._sending:
                if self._line is line:
                    self._line = None
            if is_last:
                self._farewell = line  # it ends with this process: so the caller knows when that is
            else:
                line.close()

    def _take_over(self, line: socket.socket) -> None:
        """Makes it the caller's line: it hears what happened so far, and from now on what happens."""
        with self._sending:
            before, self._line = self._line, line
            self._leaving = False  # whoever comes now has more to do
            if before is not None:
                with suppress(OSError):
                    before.shutdown(socket.SHUT_RDWR)
            with self._lock:
                runs = list(self._runs.values())
            messages.send(line, Hello(messages.PROTOCOL, os.getpid(), tuple(run.token for run in runs)))
            for run in runs:
                if run.run_id:
                    messages.send(line, Opened(run.token, run.run_id))
                if run.report is not None:
                    messages.send(line, Ended(run.token, run.report))

    def _listen(self, line: socket.socket) -> bool:
        """Does what the caller asks for, until it hangs up; whether it has said that it comes no more."""
        while (request := messages.receive(line)) is not None:
            if isinstance(request, Submit):
                self._submit(request)
            elif isinstance(request, Cancel):
                with self._lock:
                    run = self._runs.get(request.token)
                if run is not None and run.report is None:
                    run.cancel(request.why)
            elif isinstance(request, Forget):
                with self._lock:
                    self._runs.pop(request.token, None)
                self._folder.reports.forget(request.token)
            elif isinstance(request, Leave) and self._line is line:
                self._leaving = True
                self._wake()
        return self._leaving

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b"!")

    def _submit(self, request: Submit) -> None:
        run = HostedRun(request)
        with self._lock:
            # One that is told to end takes nothing: whoever asks hears that it has died, and starts another.
            if run.token in self._runs or self._terminated.is_set():
                return
            self._runs[run.token] = run
        threading.Thread(target=self._work, args=(run,), name=f"runner-{run.token}").start()

    def _work(self, run: HostedRun) -> None:
        assert self._perform is not None
        timer = self._timer(run)

        def opened(run_id: str) -> None:
            # Time that the tracking server takes is not the trial's.
            if run.timeout_s is not None:
                timer.start()
            self._opened(run, run_id)

        try:
            outcome = self._perform(run.spec, run.stop, opened)
        except BaseException as error:  # noqa: BLE001  # whatever it is belongs to the caller
            report = Report.of_error(error, stopped_for=run.stopped_for)
        else:
            report = Report(outcome=outcome, stopped_for=run.stopped_for)
        finally:
            timer.cancel()
        try:
            self._folder.reports.keep(run.token, report)
        except Exception as error:  # noqa: BLE001  # the caller hears of the end all the same
            self._tell(Said(f"the report of a trial cannot be kept: {error}"))
        with self._sending:
            # Under the same lock as a take-over: a new caller hears of it once, now or from `_take_over`.
            run.report = report
            self._send(Ended(run.token, report))
        self._wake()

    def _timer(self, run: HostedRun) -> threading.Timer:
        timer = threading.Timer(run.timeout_s or 0, run.cancel, args=("timeout",))
        timer.daemon = True
        return timer

    def _opened(self, run: HostedRun, run_id: str) -> None:
        with self._sending:
            run.run_id = run_id
            self._send(Opened(run.token, run_id))

    def _tell(self, news: News) -> None:
        with self._sending:
            self._send(news)

    def _send(self, news: News) -> None:
        if self._line is not None:
            with suppress(OSError):
                messages.send(self._line, news)
