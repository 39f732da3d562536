"""Records on their way: many small ones go in one transaction, a run with many points in several."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tracking_server.importing.protocols import Target
from tracking_server.importing.records import ModelPoints, Problem, Record, Reply, RunPoints

MOST_POINTS = 5000
MOST_RECORDS = 400
MOST_BYTES = 4_000_000


class Outbox:
    """Gathers records for a target. Used by one thread."""

    def __init__(self, target: Target, on_problem: Callable[[Problem], None]) -> None:
        self._target = target
        self._on_problem = on_problem
        self._waiting: list[Record] = []
        self._points = 0
        self._bytes = 0

    def put(self, record: Record) -> None:
        """Send `record` with the next transaction, which may be now. Raises TargetError."""
        self._waiting.append(record)
        self._points += len(record.points) if isinstance(record, (RunPoints, ModelPoints)) else 0
        self._bytes += _weight(record)
        if self._points >= MOST_POINTS or len(self._waiting) >= MOST_RECORDS or self._bytes >= MOST_BYTES:
            self.flush()

    def ask(self, record: Record) -> Reply:
        """Send what waits, and `record` last; the reply to them. Raises TargetError."""
        self._waiting.append(record)
        return self.flush()

    def flush(self) -> Reply:
        """Send what waits; the reply to it. Raises TargetError."""
        records, self._waiting = self._waiting, []
        self._points = self._bytes = 0
        reply = self._target.absorb(records) if records else Reply()
        for problem in reply.problems:
            self._on_problem(problem)
        return reply


def _weight(record: Record) -> int:
    try:
        return len(msgspec.json.encode(record))
    except UnicodeEncodeError:  # half a character: the target refuses the record by itself
        return MOST_BYTES
