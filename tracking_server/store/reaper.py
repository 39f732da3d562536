"""Closing runs whose keeper has died.

Whoever looks after a run changes its tag `runner.heartbeat` every few seconds. A RUNNING run whose heartbeat
stands still is closed as KILLED. Time is measured by this process's own clock, from when it first saw the
value: clocks of other machines and a server that was down do no harm. Runs without the tag are left alone.
Several servers may watch one store: the first to close a run is the one that closes it. A run that was closed
so and beats again is reopened (`heartbeats`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from tracking_client.wire import names
from tracking_server.errors import ServerError
from tracking_server.store import heartbeats
from tracking_server.store import runs as run_store
from tracking_server.store.clock import now_ms
from tracking_server.store.engine import Database
from tracking_server.store.schema import run_tags, runs

_log = logging.getLogger("tracking_server")

_BEATING = (
    select(runs.c.id, runs.c.uuid, run_tags.c.value)
    .join(run_tags, run_tags.c.run_id == runs.c.id)
    .where(runs.c.status == "RUNNING", run_tags.c.key == names.HEARTBEAT)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    value: str
    since_s: float


class Reaper:
    """Watches the heartbeats of one store. Used by one task; `now` is a monotonic clock in seconds."""

    def __init__(
        self,
        database: Database,
        *,
        every_s: float,
        lost_s: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._every_s = every_s
        self._lost_s = lost_s
        self._now = now
        self._seen: dict[int, _Seen] = {}

    @property
    def watching(self) -> bool:
        """Whether there are runs whose end is still open: a server that left now would leave them RUNNING."""
        return bool(self._seen)

    async def watch(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.look()
            except ServerError as error:
                _log.warning("Looking for lost runs failed: %s", error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> list[str]:
        """Look once; the ids of the runs that were closed."""
        beating = await self._database.read(lambda connection: connection.execute(_BEATING).all())
        now_s = self._now()
        seen: dict[int, _Seen] = {}
        lost: list[tuple[int, str]] = []
        for row_id, _, value in beating:
            before = self._seen.get(row_id)
            if before is None or before.value != value:
                seen[row_id] = _Seen(value=value, since_s=now_s)
                continue
            seen[row_id] = before
            if now_s - before.since_s >= self._lost_s:
                lost.append((row_id, value))
        self._seen = seen
        if not lost:
            return []
        uuids = {row_id: run_id for row_id, run_id, _ in beating}
        closed = await self._database.write(
            lambda connection: [row_id for row_id, value in lost if self._close(connection, row_id, value)]
        )
        for row_id, _ in lost:
            self._seen.pop(row_id, None)
        for row_id in closed:
            _log.warning("Run %s was closed as KILLED: no heartbeat for %g s", uuids[row_id], self._lost_s)
        return [uuids[row_id] for row_id in closed]

    def _close(self, connection: Connection, row_id: int, value: str) -> bool:
        """Close one run, unless it ended or beat again since it was looked at."""
        still = connection.execute(_BEATING.where(runs.c.id == row_id)).first()
        if still is None or still.value != value:
            return False
        # The heartbeat's value is the keeper's clock in epoch milliseconds: when it was last alive.
        end_ms = int(value) if value.isascii() and value.isdigit() and len(value) < 16 else now_ms()
        # Asked again by the database itself: another server may be closing the run at this very moment.
        still_open = update(runs).where(runs.c.id == row_id, runs.c.status == "RUNNING")
        if connection.execute(still_open.values(status="KILLED", end_ms=end_ms)).rowcount == 0:
            return False
        reason = {names.END_REASON: heartbeats.lost_reason(self._lost_s)}
        run_store.set_tags(connection, run_store.find(connection, still.uuid), reason)
        return True
