"""A sweep's own run: whatever happens, it is closed as the sweep ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from runner.errors import RecordingError, RunnerError
from runner.events import RunEnded, Warned
from runner.model.run import RunStatus
from runner.recording.open_run import OpenRun
from runner.recording.ticket import Ending
from runner.stop import Stopped
from runner.sweeping.conductor import Conductor, SweepOutcome


def recorded(run: OpenRun, conductor: Conductor, work: Callable[[], SweepOutcome]) -> SweepOutcome:
    """Does the work, and closes the parent run as it ended, whatever happens."""
    started = time.monotonic()
    try:
        outcome = work()
    except BaseException as error:
        _close(run, conductor, _ending_by(error), started)
        raise
    ending = Ending(status=outcome.run.status, exit_code=None, reason=outcome.reason, ended_at_ms=_now_ms())
    _close(run, conductor, ending, started)
    return outcome


def _close(run: OpenRun, conductor: Conductor, ending: Ending, started: float) -> None:
    try:
        run.close(ending)
    except RecordingError as error:
        conductor.listener(Warned(message=str(error)))
    conductor.listener(
        RunEnded(
            run_id=run.run_id,
            run_name=run.run_name,
            status=ending.status,
            exit_code=None,
            seconds=time.monotonic() - started,
        )
    )


def _ending_by(error: BaseException) -> Ending:
    if isinstance(error, (Stopped, KeyboardInterrupt)):
        return Ending(
            status=RunStatus.KILLED, exit_code=None, reason=str(error) or "stopped", ended_at_ms=_now_ms()
        )
    reason = str(error) if isinstance(error, RunnerError) else f"a fault of runner: {error!r}"
    return Ending(status=RunStatus.FAILED, exit_code=None, reason=reason, ended_at_ms=_now_ms())


def _now_ms() -> int:
    return int(time.time() * 1000)
