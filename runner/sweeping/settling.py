"""Finds out what came of attempts that are over, beside the loop: the server may be away for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from runner.errors import RecordingError
from runner.executors.reports import Report
from runner.model.sweep import Sweep
from runner.model.trial import TrialResult
from runner.recording.left_behind import is_run_left_behind, send_what_was_left_behind
from runner.recording.passing import may_pass
from runner.sweeping.flights import Flight
from runner.sweeping.memory_kills import memory_kills
from runner.sweeping.results import result_of
from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound, TrackingError, TransportError

_AT_ONCE = 4
_AGAIN_AFTER_S = 1.0
_CALL_S = 10.0


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of an attempt is known."""

    token: str
    result: TrialResult


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The result of an attempt is not known, and nobody waits for it now; its report stays on disk."""

    token: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something went wrong on another thread."""

    error: Exception


class Settling:
    """Each result is `post`ed, from a thread of ours, as soon as the server says what the run logged.

    Exactly one message follows for each attempt, unless `close` comes first.
    """

    def __init__(
        self,
        sweep: Sweep,
        client: TrackingClient,
        post: Callable[[Settled | Unsettled | Fault], None],
        warn: Callable[[str], None],
    ) -> None:
        self._sweep = sweep
        self._client = client.apart(_CALL_S)
        self._post = post
        self._warn = warn
        self._hurried = threading.Event()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="runner-settle")

    def begin(self, flight: Flight, report: Report) -> None:
        """Finds out the result of an attempt that has this report."""
        self._threads.submit(self._settle, flight, report)

    def hurry(self) -> None:
        """From now on nobody waits for a server that is away."""
        self._hurried.set()

    def close(self) -> None:
        """Begins nothing more; does not wait."""
        self.hurry()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _settle(self, flight: Flight, report: Report) -> None:
        # Whatever happens, the loop hears of it: it must not wait for ever.
        try:
            self._post(self._result(flight, report))
        except Exception as error:  # noqa: BLE001
            self._post(Fault(error))

    def _result(self, flight: Flight, report: Report) -> Settled | Unsettled:
        is_warned = False
        while True:
            try:
                self._ensure_all_sent(report)
                result = result_of(
                    report,
                    self._sweep,
                    self._client,
                    run_id=flight.run_id,
                    stopped_early=flight.stopped_early,
                    memory_kills=(memory_kills() or 0) - (flight.memory_kills or 0),
                )
            except TrackingError as error:
                if not may_pass(error):
                    raise RecordingError(
                        f"what a trial logged cannot be read: {error}",
                        uri=self._client.tracking_uri,
                        hint="see to that, then `runner sweep resume`",
                    ) from error
                if not is_warned:
                    self._warn(f"a trial's result waits for the server: {error}")
                    is_warned = True
                if self._hurried.wait(_AGAIN_AFTER_S):
                    return Unsettled(flight.token)
            else:
                return Settled(flight.token, result)

    def _ensure_all_sent(self, report: Report) -> None:
        """Sends what the program could not send itself. Raises TrackingError where the server takes none."""
        outcome = report.outcome
        if outcome is None or outcome.is_all_sent:
            return
        if send_what_was_left_behind(self._client, _CALL_S):
            return
        with suppress(NotFound):  # it was deleted, and nothing can be sent
            self._client.get_run(outcome.run_id)  # says why, where the server is away or lets nobody in
            if is_run_left_behind(self._client, outcome.run_id):
                raise TransportError(f"what run {outcome.run_name} logged is not sent yet")
