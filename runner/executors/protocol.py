"""What an executor promises."""

from __future__ import annotations

from typing import Protocol

from runner.model.run import Outcome, RunSpec


class Job(Protocol):
    """An Outcome still to come. All methods are thread-safe."""

    def run_id(self) -> str:
        """The tracked run's id; waits until the run exists. Raises what prevented the run from existing."""

    def result(self, timeout_s: float | None = None) -> Outcome:
        """Waits for the end. Raises TimeoutError, or what `perform` raised."""

    def done(self) -> bool:
        """Whether `result` would return or raise at once."""

    def cancel(self) -> None:
        """Asks the run to stop: its program gets TERM, then KILL; the outcome's status is KILLED."""


class Executor(Protocol):
    """Chooses where runs are performed. Any thread may submit."""

    def submit(self, spec: RunSpec) -> Job:
        """Accepts the order. Raises SubmissionError."""

    def close(self) -> None:
        """Accepts no more; returns when all jobs are done."""
