"""The outbox: what webhooks are still to hear.

A delivery is written in the transaction of the change that it tells of, so that neither exists without the
other. It is claimed by moving its due time forward from the value that was seen: of several processes one
succeeds, and if that one dies the delivery falls due again. It is removed when it was taken or given up.

Every function works inside the caller's transaction; all but `waiting` belong to the writer.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update

from tracking_server.store.webhook_schema import webhook_deliveries, webhook_events, webhooks
from tracking_server.store.webhooks import ACTIVE

MAX_WAITING = 10_000
"""How much may wait for one webhook; what happens beyond it is not told, and logged."""

_log = logging.getLogger("tracking_server")

_COLUMNS = webhook_deliveries.c
_ANYBODY = select(webhook_events.c.webhook_id).limit(1)
_LISTENING = (
    select(webhook_events.c.webhook_id)
    .where(webhook_events.c.entity == bindparam("entity"), webhook_events.c.action == bindparam("action"))
    .order_by(webhook_events.c.webhook_id)
)
# Held until the commit, so that no other process removes one under the rows that point to it.
_HELD = (
    select(webhooks.c.id, webhooks.c.uuid)
    .where(webhooks.c.id.in_(bindparam("ids", expanding=True)), webhooks.c.status == ACTIVE)
    .order_by(webhooks.c.id)
    .with_for_update(read=True)
)
_HOW_MANY_WAIT = select(func.count()).select_from(
    select(literal(1).label("one"))
    .where(_COLUMNS.webhook_id == bindparam("webhook_id"))
    .limit(MAX_WAITING)
    .subquery()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook. `attempts` counts those begun, this one included once claimed."""

    row_id: int
    delivery_id: str
    webhook_row_id: int
    webhook_id: str
    url: str
    secret: str | None = field(repr=False)
    body: str = field(repr=False)
    attempts: int
    due_at_ms: int


def somebody_listens(connection: Connection) -> bool:
    """Whether any webhook wants to hear of anything."""
    return connection.execute(_ANYBODY).first() is not None


def announce(connection: Connection, *, entity: str, action: str, body: str, at_ms: int) -> int:
    """Write down that every webhook which listens is to hear of an event; how many deliveries that makes."""
    listening = connection.execute(_LISTENING, {"entity": entity, "action": action}).scalars().all()
    if not listening:
        return 0
    rows = []
    for row_id, webhook_id in connection.execute(_HELD, {"ids": listening}).all():
        if connection.execute(_HOW_MANY_WAIT, {"webhook_id": row_id}).scalar_one() >= MAX_WAITING:
            _log.error("Webhook %s will not hear of %s.%s: too much waits for it", webhook_id, entity, action)
            continue
        rows.append(
            {
                "uuid": str(uuid.uuid4()),
                "webhook_id": row_id,
                "body": body,
                "attempts": 0,
                "due_at_ms": at_ms,
            }
        )
    if rows:
        connection.execute(insert(webhook_deliveries), rows)
    return len(rows)


def waiting(connection: Connection, *, busy: Collection[int] = (), most: int) -> list[Delivery]:
    """What falls due first, leaving out webhooks that are `busy` (their row ids)."""
    statement = (
        select(
            _COLUMNS.id,
            _COLUMNS.uuid,
            _COLUMNS.webhook_id,
            webhooks.c.uuid.label("webhook_uuid"),
            webhooks.c.url,
            webhooks.c.secret,
            _COLUMNS.body,
            _COLUMNS.attempts,
            _COLUMNS.due_at_ms,
        )
        .join(webhooks, webhooks.c.id == _COLUMNS.webhook_id)
        .order_by(_COLUMNS.due_at_ms, _COLUMNS.id)
        .limit(most)
    )
    if busy:
        statement = statement.where(_COLUMNS.webhook_id.not_in(busy))
    return [
        Delivery(
            row_id=row.id,
            delivery_id=row.uuid,
            webhook_row_id=row.webhook_id,
            webhook_id=row.webhook_uuid,
            url=row.url,
            secret=row.secret,
            body=row.body,
            attempts=row.attempts,
            due_at_ms=row.due_at_ms,
        )
        for row in connection.execute(statement)
    ]


def claim(connection: Connection, wanted: Iterable[Delivery], *, until_ms: int) -> list[Delivery]:
    """Those of `wanted` that nobody has claimed since they were seen; they are the caller's `until_ms`."""
    return [
        replace(delivery, attempts=delivery.attempts + 1, due_at_ms=until_ms)
        for delivery in wanted
        if _move(connection, delivery, attempts=delivery.attempts + 1, due_at_ms=until_ms)
    ]


def postpone(connection: Connection, delivery: Delivery, *, due_at_ms: int) -> bool:
    """Let a claimed delivery fall due again at a time; whether it was still the caller's."""
    return _move(connection, delivery, attempts=delivery.attempts, due_at_ms=due_at_ms)


def hand_back(connection: Connection, deliveries: Sequence[Delivery], *, due_at_ms: int) -> None:
    """Let claimed deliveries fall due again as if they had not been tried."""
    for delivery in deliveries:
        _move(connection, delivery, attempts=delivery.attempts - 1, due_at_ms=due_at_ms)


def finish(connection: Connection, delivery: Delivery) -> bool:
    """Remove a claimed delivery; whether it was still the caller's."""
    gone = connection.execute(
        delete(webhook_deliveries).where(
            _COLUMNS.id == delivery.row_id, _COLUMNS.due_at_ms == delivery.due_at_ms
        )
    )
    return gone.rowcount > 0


def _move(connection: Connection, seen: Delivery, *, attempts: int, due_at_ms: int) -> bool:
    moved = connection.execute(
        update(webhook_deliveries)
        .where(_COLUMNS.id == seen.row_id, _COLUMNS.due_at_ms == seen.due_at_ms)
        .values(attempts=attempts, due_at_ms=due_at_ms)
    )
    return moved.rowcount > 0
