"""Delivering what the outbox holds: in the background, a few at once, again where it failed.

At least once: a delivery leaves the outbox only when a receiver took it or it was given up. A server that
dies in between leaves it there, and this one or another tries again; the delivery id stays the same, so that
receivers can tell. One slow receiver takes no more than its own places, and no request ever waits here.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tracking_server.errors import ServerError, Unavailable
from tracking_server.store import webhook_deliveries as outbox
from tracking_server.store.clock import now_ms
from tracking_server.store.engine import Database
from tracking_server.store.webhook_deliveries import Delivery
from tracking_server.store.webhooks import Contact
from tracking_server.webhooks import results
from tracking_server.webhooks.events import EventKind, body_of, example
from tracking_server.webhooks.results import TestResult
from tracking_server.webhooks.sender import DeliveryFailed, Sender
from tracking_server.webhooks.signature import headers_of

RETRY_S = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)
"""Pauses between attempts: a receiver may be away for an hour. After the last attempt it is given up."""

AT_ONCE = 8
AT_ONCE_PER_WEBHOOK = 2
TESTS_AT_ONCE = 4

POLL_S = 10.0
"""How often the outbox is looked into unasked: what another process left there."""

LEASE_MARGIN_S = 10.0
"""How much longer than an attempt may take a delivery belongs to whoever began it."""

DRAIN_S = 3.0
"""How long a server that leaves waits for attempts under way."""

_log = logging.getLogger("tracking_server")


@dataclass(slots=True)
class Counts:
    """What became of deliveries since this process started. Used on the event loop only."""

    delivered: int = 0
    failed_attempts: int = 0
    given_up: int = 0


class Deliverer:
    """Empties the outbox of one store. Belongs to one event loop; `now_ms` is a wall clock."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        *,
        retry_s: Sequence[float] = RETRY_S,
        lease_margin_s: float = LEASE_MARGIN_S,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self.sender = sender
        self.counts = Counts()
        self._database = database
        self._retry_s = tuple(retry_s)
        self._lease_ms = round((sender.deadline_s + lease_margin_s) * 1000)
        self._clock_ms = clock_ms
        self._wake = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Delivery] = {}
        self._testing = asyncio.Semaphore(TESTS_AT_ONCE)

    def wake(self) -> None:
        """Look into the outbox now: something was put there. Belongs to the event loop."""
        self._wake.set()

    async def watch(self) -> None:
        """Deliver until cancelled; then let go of what is under way, after a short while."""
        try:
            while True:
                self._wake.clear()
                try:
                    pause_s = await self._look()
                except Exception:  # noqa: BLE001  # our bug must not end deliveries until the next start
                    _log.exception("Looking for webhook deliveries failed")
                    pause_s = POLL_S
                await self._pause(pause_s)
        finally:
            await self._leave()

    async def _pause(self, pause_s: float) -> None:
        """Until somebody wakes us, or so long."""
        # Before Python 3.12, `wait_for` forgets that it was cancelled where it is woken at the same moment.
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({waking}, timeout=pause_s)
        finally:
            waking.cancel()

    async def _look(self) -> float:
        """Begin what is due and has a place; how long there is nothing more to do."""
        try:
            chosen, pause_s = await self._choose()
            if not chosen:
                return pause_s
            until_ms = self._clock_ms() + self._lease_ms
            claimed = await self._database.write(
                lambda connection: outbox.claim(connection, chosen, until_ms=until_ms)
            )
        except ServerError as error:
            _log.warning("Looking for webhook deliveries failed: %s", error)
            return POLL_S
        for delivery in claimed:
            task = asyncio.create_task(self._deliver(delivery))
            self._under_way[task] = delivery
            task.add_done_callback(self._done)
        return 0.0

    async def _choose(self) -> tuple[list[Delivery], float]:
        """What to begin now, and where that is nothing, for how long."""
        free = AT_ONCE - len(self._under_way)
        if free <= 0:
            return [], POLL_S  # whatever ends wakes us
        taken = Counter(delivery.webhook_row_id for delivery in self._under_way.values())
        busy = [row_id for row_id, count in taken.items() if count >= AT_ONCE_PER_WEBHOOK]
        found = await self._database.read(
            lambda connection: outbox.waiting(connection, busy=busy, most=AT_ONCE + 1)
        )
        at_ms = self._clock_ms()
        chosen: list[Delivery] = []
        for delivery in found:
            if delivery.due_at_ms > at_ms:
                return chosen, min(POLL_S, (delivery.due_at_ms - at_ms) / 1000)
            if len(chosen) < free and taken[delivery.webhook_row_id] < AT_ONCE_PER_WEBHOOK:
                taken[delivery.webhook_row_id] += 1
                chosen.append(delivery)
        return chosen, POLL_S

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            # What is left in the outbox falls due again when its lease ends.
            bug = None if isinstance(error, ServerError) else error
            _log.error("What became of a webhook delivery is not on record: %s", error, exc_info=bug)

    async def _deliver(self, delivery: Delivery) -> None:
        """One attempt, and what follows from it."""
        body = delivery.body.encode()
        headers = headers_of(
            delivery_id=delivery.delivery_id,
            timestamp_s=int(time.time()),
            body=body,
            secret=delivery.secret,
        )
        try:
            await self.sender.post(delivery.url, body, headers)
        except DeliveryFailed as failure:
            await self._failed(delivery, failure)
            return
        self.counts.delivered += 1
        await self._database.write(lambda connection: outbox.finish(connection, delivery))

    async def _failed(self, delivery: Delivery, failure: DeliveryFailed) -> None:
        self.counts.failed_attempts += 1
        which = f"Delivery {delivery.delivery_id} to webhook {delivery.webhook_id}"
        if failure.final or delivery.attempts > len(self._retry_s):
            self.counts.given_up += 1
            _log.error("%s is given up after %d attempts: %s", which, delivery.attempts, failure)
            await self._database.write(lambda connection: outbox.finish(connection, delivery))
            return
        # Spread out, so that what failed together does not come back together.
        pause_s = self._retry_s[delivery.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311
        _log.warning("%s failed, next attempt in %.0f s: %s", which, pause_s, failure)
        due_at_ms = self._clock_ms() + round(pause_s * 1000)
        await self._database.write(
            lambda connection: outbox.postpone(connection, delivery, due_at_ms=due_at_ms)
        )

    async def _leave(self) -> None:
        """Wait a little for what is under way, and hand the rest back to whoever comes next."""
        if not self._under_way:
            return
        left = dict(self._under_way)
        _, late = await asyncio.wait(left, timeout=DRAIN_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        unfinished = [left[task] for task in late]
        if unfinished:
            at_ms = self._clock_ms()
            try:
                await self._database.write(
                    lambda connection: outbox.hand_back(connection, unfinished, due_at_ms=at_ms)
                )
            except ServerError as error:
                _log.warning("Webhook deliveries under way wait for their lease to end: %s", error)

    async def test(self, contact: Contact, kind: EventKind) -> TestResult:
        """Send an example of `kind` now, once; what came of it."""
        body = body_of(example(kind)).encode()
        headers = headers_of(
            delivery_id=str(uuid.uuid4()),
            timestamp_s=int(time.time()),
            body=body,
            secret=contact.secret,
        )
        if self._testing.locked():
            raise Unavailable("Too many webhooks are being tested at once; try again in a moment.")
        async with self._testing:
            try:
                return results.taken(await self.sender.post(contact.url, body, headers))
            except DeliveryFailed as failure:
                return results.refused(failure)
