"""The tables of webhooks, and the outbox of what is still to be delivered."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from tracking_server.store.metadata import Id, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uuid", String(64), nullable=False, unique=True),
    Column("name", String(256), nullable=False),
    Column("description", Text),
    Column("url", Text, nullable=False),
    Column("status", String(20), nullable=False),
    # Needed to sign every delivery, so it is kept as it is; no reply ever holds it.
    Column("secret", Text),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Index("ix_webhooks_listing", "created_at_ms", "id"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("webhook_id", Id, ForeignKey("webhooks.id"), primary_key=True),
    Column("entity", String(50), primary_key=True),
    Column("action", String(50), primary_key=True),
    Index("ix_webhook_events_event", "entity", "action"),
    sqlite_with_rowid=False,
)

# Written in the transaction of the change that it tells of, and gone when delivered or given up.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uuid", String(64), nullable=False),
    Column("webhook_id", Id, ForeignKey("webhooks.id"), nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # When it may be tried. Whoever tries it moves this forward first: that is the lease, and its only holder.
    Column("due_at_ms", BigInteger, nullable=False),
    Index("ix_webhook_deliveries_due", "due_at_ms", "webhook_id"),
    Index("ix_webhook_deliveries_webhook", "webhook_id"),
)
