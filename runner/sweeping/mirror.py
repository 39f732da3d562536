"""Tells the server of the sweep's progress, beside the loop: a server that is away holds up no trial."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial, reduce

from runner.recording.passing import may_pass
from runner.sweeping.books import Figures, TrialEnd
from tracking_client.errors import TrackingError

_AGAIN_AFTER_S = 1.0
_GATHER_S = 0.25
_MOST_GATHERED = 50

_Work = Callable[[], None]


class Mirror:
    """Does one thing after another on a thread of its own, each until the server takes it. Thread-safe.

    Figures of trials that end within a quarter of a second are shown together, by one call of `show`.
    """

    def __init__(self, warn: Callable[[str], None], show: Callable[[Figures], None]) -> None:
        self._warn = warn
        self._show = show
        self._work: queue.SimpleQueue[_Work | TrialEnd | None] = queue.SimpleQueue()
        self._giving_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-books", daemon=True)
        self._thread.start()

    def do(self, work: _Work) -> None:
        """Queues a write. It may be repeated: doing it twice must do no harm."""
        self._work.put(work)

    def trial_ended(self, end: TrialEnd) -> None:
        """Queues what the end of a trial changes."""
        self._work.put(end)

    def close(self, timeout_s: float) -> bool:
        """Waits until all is written, so long at most; returns whether it is."""
        self._work.put(None)
        self._thread.join(timeout_s)
        done = not self._thread.is_alive()
        self._giving_up.set()
        return done

    def _run(self) -> None:
        work = self._work.get()
        while work is not None:
            if isinstance(work, TrialEnd):
                work = self._enter_with_those_that_follow(work)
            else:
                self._enter(work)
                work = self._work.get()

    def _enter_with_those_that_follow(self, first: TrialEnd) -> _Work | TrialEnd | None:
        """Returns what is to be done next."""
        ends, until_s = [first], time.monotonic() + _GATHER_S
        following = self._next_within(until_s)
        while isinstance(following, TrialEnd) and len(ends) < _MOST_GATHERED:
            ends.append(following)
            following = self._next_within(until_s)
        for end in ends:
            if end.mark is not None:
                self._enter(end.mark)
        try:
            self._until_taken(partial(self._show, reduce(Figures.followed_by, (end.figures for end in ends))))
        except Exception:  # noqa: BLE001  # those that can be taken are, and of the others it is said
            for end in ends:
                self._enter(partial(self._show, end.figures))
        return following

    def _next_within(self, until_s: float) -> _Work | TrialEnd | None:
        try:
            return self._work.get(timeout=max(0.0, until_s - time.monotonic()))
        except queue.Empty:
            return _nothing

    def _enter(self, work: _Work) -> None:
        try:
            self._until_taken(work)
        except Exception as error:  # noqa: BLE001  # what the server will never take holds up nothing else
            self._warn(f"the sweep's own run does not take all of its figures: {error}")

    def _until_taken(self, work: _Work) -> None:
        told = False
        while not self._giving_up.is_set():
            try:
                work()
                return
            except TrackingError as error:
                if not may_pass(error):
                    raise
                if not told:
                    self._warn(f"the sweep's own run waits for the server: {error}")
                    told = True
                self._giving_up.wait(_AGAIN_AFTER_S)


def _nothing() -> None:
    """Nothing is to be done yet."""
