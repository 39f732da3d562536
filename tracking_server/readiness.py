"""Whether a server can do its work, for `/health`: load balancers and orchestrators ask all the time.

The database is asked once a second at most, however many ask: the endpoint is open to everybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import literal, select

from tracking_server.errors import ServerError, Unavailable
from tracking_server.store.engine import Database

ASK_EVERY_S = 1.0
ANSWER_WITHIN_S = 2.0


class Readiness:
    """What is known of one server's database. Used on the event loop only."""

    def __init__(self, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._now = now
        self._asked_at = float("-inf")
        self._answered_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Return where the server can work. Raises Unavailable."""
        if self._asking is None and self._now() - self._asked_at >= ASK_EVERY_S:
            self._asked_at = self._now()
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None and self._answered_at < self._asked_at:
            await asyncio.wait({self._asking}, timeout=ANSWER_WITHIN_S)
        if self._now() - self._answered_at > ASK_EVERY_S + ANSWER_WITHIN_S:
            raise Unavailable("The database does not answer.")
        if not self._database.is_writing:
            raise Unavailable("The database takes no writes: its disk is full, or it cannot be reached.")

    async def _ask(self) -> None:
        try:
            if not self._database.is_writing:
                # Who sees a 503 here sends no requests, so that nobody else would find out that it is over.
                await self._database.try_writing()
            await self._database.read(lambda connection: connection.execute(select(literal(1))).scalar())
            self._answered_at = self._now()
        except ServerError:
            pass  # the age of the last answer says so
        finally:
            self._asking = None
