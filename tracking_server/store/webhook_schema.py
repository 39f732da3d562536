"""The tables of webhooks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

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
    Column("deleted", Boolean, nullable=False),
    Index("ix_webhooks_listing", "deleted", "created_at_ms", "id"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("webhook_id", Id, ForeignKey("webhooks.id"), primary_key=True),
    Column("entity", String(50), primary_key=True),
    Column("action", String(50), primary_key=True),
    sqlite_with_rowid=False,
)
