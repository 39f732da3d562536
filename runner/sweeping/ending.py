"""Whether a sweep launches trials, and why not: somebody asked it to end, or a rule ended the search."""

from __future__ import annotations

import signal
import time

from runner.events import Listener, SweepEnding
from runner.model.trial import Trial
from runner.stop import Stop, Stopped
from runner.sweeping.budget import trials_in_all
from runner.sweeping.halting import Halt, halt
from runner.sweeping.ledger import Ledger
from runner.sweeping.tallying import count, tally_of

_MOST_REQUESTS = 3


class Ending:
    """Used by one thread. Begins to measure the sweep's time when it is made.

    `reason` is empty while trials are launched. `halt` is the rule that ended the search, if one did.
    `is_hurried`: somebody wants the end now, and nothing that may be caught up on later is waited for.
    """

    def __init__(self, ledger: Ledger, stop: Stop, listener: Listener) -> None:
        self.reason = ""
        self.halt: Halt | None = None
        self.is_hurried = False
        self._ledger = ledger
        self._stop = stop
        self._listener = listener
        self._tally = tally_of(ledger)
        self._requests_seen = 0
        self._is_wished = False
        self._started = time.monotonic()
        self._before_s = ledger.active_s

    @property
    def active_s(self) -> float:
        """For how long this process has worked on the sweep."""
        return time.monotonic() - self._started

    def count(self, trial: Trial) -> None:
        """A trial is over for good."""
        count(self._tally, self._ledger, trial)

    def is_asked_for(self, running: int) -> bool:
        """Whether somebody has just asked for an end of the running trials, too.

        The first Ctrl-C lets them finish; a second one, and any other signal, stops them. After that nobody
        waits for them any longer. Raises Stopped.
        """
        requests, number = self._stop.request_count, self._stop.signal_number or signal.SIGINT
        if requests == self._requests_seen:
            return False
        self._requests_seen = requests
        self.is_hurried = requests > 1 or number != signal.SIGINT or self._is_wished
        self._begin(f"stopped by {signal.Signals(number).name}", running, stops_running=self.is_hurried)
        if requests > _MOST_REQUESTS:
            raise Stopped(number)
        return self.is_hurried

    def is_wished(self, running: int, *, stops_running: bool) -> None:
        """Somebody wants the end from elsewhere: as a first Ctrl-C, or as a second one."""
        self._is_wished = True
        self.is_hurried = self.is_hurried or stops_running
        self._begin("stopped from its page", running, stops_running=stops_running)

    def is_due(self, running: int) -> bool:
        """Whether a rule has just ended the search, and the running trials with it."""
        if self.reason:
            return False
        budget = trials_in_all(self._ledger.sweep, self._ledger.max_points)
        seconds = self._before_s + self.active_s
        self.halt = halt(self._ledger.sweep, self._tally, seconds=seconds, budget=budget)
        if self.halt is None:
            return False
        self._begin(self.halt.reason, running, stops_running=self.halt.stops_running)
        return self.halt.stops_running

    def _begin(self, reason: str, running: int, *, stops_running: bool) -> None:
        self.reason = self.reason or reason
        self._listener(SweepEnding(reason=self.reason, running=running, stops_running=stops_running))
