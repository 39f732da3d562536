"""Performs each run at once, in the thread that submits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.model.run import Outcome, RunSpec
from runner.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.executors.protocol import Executor, Job

    Perform = Callable[[RunSpec, Stop, Callable[[str], None]], Outcome]


class FinishedJob:
    """A job that was done before `submit` returned."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def run_id(self) -> str:
        """The run's id."""
        return self._outcome.run_id

    def result(self, timeout_s: float | None = None) -> Outcome:  # noqa: ARG002  # the protocol's signature
        """The outcome."""
        return self._outcome

    def done(self) -> bool:
        """True."""
        return True

    def cancel(self) -> None:
        """Nothing: it is over."""


class InlineExecutor:
    """The foreground: `submit` returns when the run is over and raises what `perform` raises."""

    def __init__(self, perform: Perform, stop: Stop) -> None:
        self._perform = perform
        self._stop = stop

    def submit(self, spec: RunSpec) -> FinishedJob:
        """Performs the order."""
        return FinishedJob(self._perform(spec, self._stop, lambda _: None))

    def close(self) -> None:
        """Nothing is left to wait for."""


if TYPE_CHECKING:

    def _conforms(executor: InlineExecutor, job: FinishedJob) -> tuple[Executor, Job]:
        return executor, job
