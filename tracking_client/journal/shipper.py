"""The thread that ships a process's journal while the process works.

It wakes when something is appended, waits a moment for more, and ships until nothing is left. What fails is
tried again, with growing pauses, for as long as the process lives; each outage is announced, and its end.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable

from tracking_client import notice
from tracking_client.errors import ApiError, TrackingError, Unauthorized
from tracking_client.journal.entries import FILES
from tracking_client.journal.file_sending import FileSender
from tracking_client.journal.refusal import Refusal
from tracking_client.journal.shipping import Window, ship_window
from tracking_client.journal.spool import Spool
from tracking_client.journal.wakeup import Wakeup
from tracking_client.transport import Transport

GATHER_S = 0.1
"""So long more is waited for before it is sent: a training loop is not to be disturbed for each value."""
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0
ATTEMPT_S = 30.0
"""How long one request may take."""
FAILURES_BEFORE_NEWS = 3
"""A server that restarts is not worth a word."""
FAILURES_BEFORE_DOUBT = 6
"""From then on it may be one value, and not the server."""


class Shipper:
    """Ships one spool over connections of its own. Safe in threads; not across fork.

    `asked` is set by whoever appended. `after_window` is called in the shipper's thread after each attempt.
    """

    def __init__(
        self,
        spool: Spool,
        transport: Transport,
        *,
        after_window: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = notice.say,
    ) -> None:
        self.asked = Wakeup()
        self._spool = spool
        self._transport = transport.apart(ATTEMPT_S, max_retries=0)
        self._sender = FileSender(transport)
        self._after_window = after_window
        self._say = say
        self._hurry = Wakeup()
        self._changed = threading.Condition()
        self._attempts_failed = 0
        self._failed_in_a_row = 0
        self._is_announced = False
        self._failure: TrackingError | OSError | None = None
        self._refusals: list[Refusal] = []
        self._stopping = False
        self._thread: threading.Thread | None = threading.Thread(
            target=self._work, name="tracking-journal", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is ending, or has no room for a thread: whoever flushes ships
            self._thread = None

    @property
    def failure(self) -> TrackingError | OSError | None:
        """Why nothing can be shipped at the moment; None where all goes well."""
        return self._failure

    def flush(self, until_s: float, *, failing_until_s: float = 0.0) -> bool:
        """Waits until all that is in the journal now is shipped; whether it is.

        Gives up when the monotonic clock says `until_s`, and where attempts fail after the first one that
        ends past `failing_until_s`.
        """
        target = self._spool.end
        if self._thread is None:
            self._ship_all(lambda: time.monotonic() >= until_s, failing_until_s)
            return self._spool.position >= target
        with self._changed:
            failed_before = self._attempts_failed
            while self._spool.position < target:
                now = time.monotonic()
                if now >= until_s:
                    return False
                if self._attempts_failed > failed_before and now >= failing_until_s:
                    return False
                self._hurry.set()
                self.asked.set()
                self._changed.wait(min(0.5, until_s - now))
        return True

    def take_refusals(self) -> list[Refusal]:
        """What was refused since this was asked last."""
        with self._changed:
            taken, self._refusals = self._refusals, []
            return taken

    def stop(self, timeout_s: float) -> None:
        """Lets the thread end after the request at hand, and waits for that so long."""
        self._stopping = True
        self._hurry.set()
        self.asked.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            self.asked.wait()
            if self._stopping:
                return
            self._hurry.wait(GATHER_S)
            self._ship_all(lambda: self._stopping, math.inf)

    def _ship_all(self, is_over: Callable[[], bool], failing_until_s: float) -> None:
        pause_s = FIRST_PAUSE_S
        while not is_over():
            try:
                is_stuck = self._failed_in_a_row >= FAILURES_BEFORE_DOUBT
                is_repeated = self._failed_in_a_row > 0
                window = ship_window(
                    self._spool, self._transport, self._sender, is_stuck=is_stuck, is_repeated=is_repeated
                )
            except (TrackingError, OSError) as error:
                self._failed(error)
                self._after_window()
                if time.monotonic() >= failing_until_s:
                    return
                self._hurry.clear()
                self._hurry.wait(max(_jittered(pause_s), _wished_pause_s(error)))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            self._succeeded(window)
            if window.is_empty:
                self._hurry.clear()
                return
            self._after_window()

    def _failed(self, error: TrackingError | OSError) -> None:
        self._failed_in_a_row += 1
        with self._changed:
            self._attempts_failed += 1
            self._failure = error
            self._changed.notify_all()
        if self._failed_in_a_row >= FAILURES_BEFORE_NEWS and not self._is_announced:
            self._is_announced = True
            self._say(f"{_why(error)}; what is logged is kept in {self._spool.path} and sent later: {error}")

    def _succeeded(self, window: Window) -> None:
        if not window.is_empty:
            self._failure = None
            self._failed_in_a_row = 0
            if self._is_announced:
                self._is_announced = False
                self._say("the tracking server takes what is logged again")
        for refusal in window.refused[:3]:
            what = "file" if refusal.entry.kind in FILES else "value"
            self._say(
                f"the tracking server refuses a {what} of run {refusal.entry.run_id}, which is kept in "
                f"{self._spool.path}: {refusal.error}"
            )
        if window.torn:
            self._say(f"{window.torn} values were lost that the disk had no room for")
        with self._changed:
            self._refusals.extend(window.refused)
            self._changed.notify_all()


def _jittered(pause_s: float) -> float:
    # Spreads clients. Not `random`, whose state is the user's: training must not depend on an outage.
    return pause_s * (0.75 + os.urandom(1)[0] / 512)


def _wished_pause_s(error: TrackingError | OSError) -> float:
    return (error.retry_after_s or 0.0) if isinstance(error, ApiError) else 0.0


def _why(error: TrackingError | OSError) -> str:
    if isinstance(error, Unauthorized):
        return "the tracking server does not accept these credentials"
    if isinstance(error, ApiError):
        return "the tracking server cannot take what is logged now"
    if isinstance(error, TrackingError):
        return "the tracking server does not answer"
    return "the journal cannot be read"


__all__ = ["Shipper"]
