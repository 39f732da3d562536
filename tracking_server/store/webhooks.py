"""Webhooks: who wants to hear of what.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.engine import Row

from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.store.clock import now_ms
from tracking_server.store.searching import page_token
from tracking_server.store.searching.paging import Page
from tracking_server.store.webhook_schema import webhook_deliveries, webhook_events, webhooks

ACTIVE = "ACTIVE"
DISABLED = "DISABLED"
STATUSES = (ACTIVE, DISABLED)

MAX_WEBHOOKS = 1000
"""Each one that listens makes a change of the registry write one row more."""

_EVENTS = (
    select(webhook_events)
    .where(webhook_events.c.webhook_id.in_(bindparam("ids", expanding=True)))
    .order_by(webhook_events.c.webhook_id, webhook_events.c.entity, webhook_events.c.action)
)
_ABOUT = "webhooks"


class Listened(msgspec.Struct, frozen=True):
    """An event that a webhook wants to hear of, in the wire's upper case."""

    entity: str
    action: str


class Webhook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook as the wire has it. It has no room for the secret."""

    webhook_id: str
    name: str
    description: str | None = None
    url: str
    events: tuple[Listened, ...]
    status: str
    creation_timestamp: int
    last_updated_timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a webhook shall have. None leaves a field as it is; an empty secret removes it.

    `events` are pairs of lower-case words. All of it has been checked.
    """

    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: Sequence[tuple[str, str]] | None = None
    status: str | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a delivery needs to know of a webhook."""

    webhook_id: str
    url: str
    events: tuple[tuple[str, str], ...]
    secret: str | None = field(repr=False)


def create(connection: Connection, wanted: Changes) -> Webhook:
    """Make a webhook; name, URL and events are there. Raises InvalidParameter where there are too many."""
    if connection.execute(select(func.count()).select_from(webhooks)).scalar_one() >= MAX_WEBHOOKS:
        raise InvalidParameter(f"There are {MAX_WEBHOOKS} webhooks already. Delete those that nobody needs.")
    at_ms = now_ms()
    row = {
        "uuid": str(uuid.uuid4()),
        "name": wanted.name,
        "description": wanted.description,
        "url": wanted.url,
        "status": wanted.status or ACTIVE,
        "secret": wanted.secret or None,
        "created_at_ms": at_ms,
        "updated_at_ms": at_ms,
    }
    made = connection.execute(insert(webhooks).values(row))
    (row_id,) = made.inserted_primary_key or (None,)
    assert isinstance(row_id, int)
    _listen(connection, row_id, wanted.events or ())
    return get(connection, str(row["uuid"]))


def _listen(connection: Connection, row_id: int, events: Iterable[tuple[str, str]]) -> None:
    rows = [
        {"webhook_id": row_id, "entity": entity, "action": action} for entity, action in sorted(set(events))
    ]
    connection.execute(insert(webhook_events), rows)


def get(connection: Connection, webhook_id: str) -> Webhook:
    """One webhook. Raises NotFound."""
    return _whole(connection, [_row(connection, webhook_id)])[0]


def contact(connection: Connection, webhook_id: str) -> Contact:
    """How to reach one webhook. Raises NotFound."""
    row = _row(connection, webhook_id)
    events = connection.execute(_EVENTS, {"ids": [row.id]})
    return Contact(
        webhook_id=row.uuid,
        url=row.url,
        events=tuple((event.entity, event.action) for event in events),
        secret=row.secret,
    )


def page(connection: Connection, *, max_results: int, token: str) -> Page[Webhook]:
    """Webhooks, the newest first. Raises InvalidParameter for a broken token."""
    statement = select(webhooks).order_by(webhooks.c.created_at_ms.desc(), webhooks.c.id.desc())
    if token:
        match page_token.read(token, about=_ABOUT):
            case [at_ms, row_id] if page_token.is_int64(at_ms) and page_token.is_int64(row_id):
                columns = webhooks.c
                older = or_(
                    columns.created_at_ms < at_ms,
                    and_(columns.created_at_ms == at_ms, columns.id < row_id),
                )
                statement = statement.where(columns.created_at_ms <= at_ms, older)
            case _:
                raise InvalidParameter("Invalid page token")
    rows = list(connection.execute(statement.limit(max_results + 1)))
    more = len(rows) > max_results
    rows = rows[:max_results]
    position = [rows[-1].created_at_ms, rows[-1].id] if more else None
    return Page(
        items=_whole(connection, rows),
        next_page_token=page_token.write(position, about=_ABOUT) if position else None,
    )


def change(connection: Connection, webhook_id: str, wanted: Changes) -> Webhook:
    """Change a webhook. One that is disabled forgets what it was still to hear. Raises NotFound."""
    row = _row(connection, webhook_id, hold=True)
    values: dict[str, Any] = {
        name: value
        for name in ("name", "description", "url", "status")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.secret is not None:
        values["secret"] = wanted.secret or None
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == row.id)
        .values(updated_at_ms=max(now_ms(), row.updated_at_ms), **values)
    )
    if wanted.events is not None:
        connection.execute(delete(webhook_events).where(webhook_events.c.webhook_id == row.id))
        _listen(connection, row.id, wanted.events)
    if wanted.status == DISABLED:
        connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook_id == row.id))
    return get(connection, webhook_id)


def remove(connection: Connection, webhook_id: str) -> None:
    """Remove a webhook, its secret, and what it was still to hear. Raises NotFound."""
    row = _row(connection, webhook_id, hold=True)
    for table in (webhook_deliveries, webhook_events):
        connection.execute(delete(table).where(table.c.webhook_id == row.id))
    connection.execute(delete(webhooks).where(webhooks.c.id == row.id))


def _row(connection: Connection, webhook_id: str, *, hold: bool = False) -> Row[Any]:
    """The row of a webhook. Raises NotFound. `hold` keeps other processes from adding deliveries to it."""
    wanted = select(webhooks).where(webhooks.c.uuid == webhook_id)
    row = connection.execute(wanted.with_for_update() if hold else wanted).first()
    if row is None:
        raise NotFound(f"Webhook with ID {webhook_id[:300]} not found.")
    return row


def _whole(connection: Connection, rows: Sequence[Row[Any]]) -> list[Webhook]:
    events: dict[int, list[Listened]] = {row.id: [] for row in rows}
    if rows:
        for row_id, entity, action in connection.execute(_EVENTS, {"ids": list(events)}):
            events[row_id].append(Listened(entity.upper(), action.upper()))
    return [
        Webhook(
            webhook_id=row.uuid,
            name=row.name,
            description=row.description or None,
            url=row.url,
            events=tuple(events[row.id]),
            status=row.status,
            creation_timestamp=row.created_at_ms,
            last_updated_timestamp=row.updated_at_ms,
        )
        for row in rows
    ]
