"""Records on their way: many small ones go in one transaction, a run with many points in several."""

from __future__ import annotations

from collections.abc import Callable

from tracking_server.importing.protocols import Target
from tracking_server.importing.records import Problem, Record, Reply, RunBegin, RunPoints

MOST_POINTS = 5000
MOST_RECORDS = 400
MOST_CHARACTERS = 4_000_000


class Outbox:
    """Gathers records for a target. Used by one thread."""

    def __init__(self, target: Target, on_problem: Callable[[Problem], None]) -> None:
        self._target = target
        self._on_problem = on_problem
        self._waiting: list[Record] = []
        self._points = 0
        self._characters = 0

    def put(self, record: Record) -> None:
        """Send `record` with the next transaction, which may be now. Raises TargetError."""
        self._waiting.append(record)
        if isinstance(record, RunPoints):
            self._points += len(record.points)
        if isinstance(record, RunBegin):
            self._characters += sum(len(tag.value) for tag in (*record.params, *record.tags))
            for used in record.inputs.dataset_inputs:
                self._characters += len(used.dataset.profile or "") + len(used.dataset.schema or "")
        if (
            self._points >= MOST_POINTS
            or len(self._waiting) >= MOST_RECORDS
            or self._characters >= MOST_CHARACTERS
        ):
            self._send()

    def flush(self) -> Reply:
        """Send what waits; the reply to it. Raises TargetError."""
        return self._send()

    def _send(self) -> Reply:
        records, self._waiting = self._waiting, []
        self._points = self._characters = 0
        reply = self._target.absorb(records) if records else Reply()
        for problem in reply.problems:
            self._on_problem(problem)
        return reply
