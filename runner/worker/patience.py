"""A run that waits for its server: no trial is lost because the server was away when it was to begin."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable

from runner.errors import RecordingError
from runner.model.run import Outcome, RunSpec
from runner.stop import Stop
from runner.worker.host import Perform

_AGAIN_AFTER_S = 1.0


def patient(perform: Perform, say: Callable[[str], None]) -> Perform:
    """`perform`, begun again and again while the server does not take the run, until it is stopped.

    `say` is told once, however many wait. What fails after the run was opened is not begun again.
    """
    waiting = _Waiting(say)

    def performed(spec: RunSpec, stop: Stop, opened: Callable[[str], None]) -> Outcome:
        is_open = False

        def noted(run_id: str) -> None:
            nonlocal is_open
            is_open = True
            waiting.is_over()
            opened(run_id)

        while True:
            try:
                return perform(spec, stop, noted)
            except RecordingError as error:
                if is_open or not error.may_pass:
                    raise
                waiting.goes_on(error)
            _pause(stop)

    return performed


class _Waiting:
    """Whether runs wait, said when it begins. Thread-safe."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._is_said = False

    def goes_on(self, error: RecordingError) -> None:
        with self._lock:
            if self._is_said:
                return
            self._is_said = True
        self._say(f"trials wait for the server before they begin: {error.__cause__}")

    def is_over(self) -> None:
        with self._lock:
            self._is_said = False


def _pause(stop: Stop) -> None:
    with stop.listen() as (requested, _):
        select.select([requested], [], [], _AGAIN_AFTER_S)
    stop.check()
