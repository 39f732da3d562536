"""The table of access tokens: who may read, who may also write."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, String, Table

from tracking_server.store.metadata import Id, metadata

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    # See access_tokens.digest_of. Tokens are long and random: a slow hash would add nothing.
    Column("digest", String(64), nullable=False, unique=True),
    Column("may_write", Boolean, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)
