"""Performs runs on this machine, each in a thread of its own beside the caller's."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from runner.errors import SubmissionError
from runner.model.run import Outcome, RunSpec
from runner.stop import Stop

if TYPE_CHECKING:
    from runner.executors.inline import Perform
    from runner.executors.protocol import Executor, Job


class LocalJob:
    """A run in a thread."""

    def __init__(self) -> None:
        self._stop = Stop()
        self._run_id: Future[str] = Future()
        self._outcome: Future[Outcome] = Future()

    def run_id(self) -> str:
        """The run's id, as soon as the run exists."""
        return self._run_id.result()

    def result(self, timeout_s: float | None = None) -> Outcome:
        """The outcome, when the run is over."""
        return self._outcome.result(timeout_s)

    def done(self) -> bool:
        """Whether the run is over."""
        return self._outcome.done()

    def cancel(self) -> None:
        """Asks the program to end."""
        self._stop.request(signal.SIGTERM)

    def work(self, perform: Perform, spec: RunSpec) -> None:
        """The thread's work: performs the order and keeps what came of it."""
        try:
            outcome = perform(spec, self._stop, self._run_id.set_result)
        except BaseException as error:  # noqa: BLE001  # whatever it is belongs to whoever waits
            if not self._run_id.done():
                self._run_id.set_exception(error)
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(outcome)


class LocalExecutor:
    """One thread a run, started at once. How many run side by side is the caller's choice."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, spec: RunSpec) -> LocalJob:
        """Starts the order's thread."""
        job = LocalJob()
        thread = threading.Thread(
            target=job.work, args=(self._perform, spec), name=f"runner-{spec.entry_point.name}"
        )
        with self._lock:
            if self._closed:
                raise SubmissionError("this executor is closed", executor="local")
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(thread)
        thread.start()
        return job

    def close(self) -> None:
        """Waits for all runs."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
        for thread in threads:
            thread.join()


if TYPE_CHECKING:

    def _conforms(executor: LocalExecutor, job: LocalJob) -> tuple[Executor, Job]:
        return executor, job
