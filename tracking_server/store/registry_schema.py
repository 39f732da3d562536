"""The tables of the model registry: registered models, their versions, aliases and tags.

A model is a handful of rows, so its name is the key everywhere, as on the wire; renaming cascades.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from tracking_server.store.metadata import Id, metadata

registered_models = Table(
    "registered_models",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(256), nullable=False, unique=True),
    Column("description", Text),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    # The highest version number ever given out: a deleted version's number never comes back.
    Column("last_version", Integer, nullable=False),
    Index("ix_registered_models_recent", "updated_at_ms", "name"),
)

registered_model_tags = Table(
    "registered_model_tags",
    metadata,
    Column("registered_model_id", Id, ForeignKey("registered_models.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("registered_model_id", Id, ForeignKey("registered_models.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("description", Text),
    Column("user_id", String(256)),
    Column("stage", String(20), nullable=False),
    Column("source", Text, nullable=False),
    # Where the files really are, resolved when the version was made.
    Column("storage_location", Text),
    Column("run_uuid", String(256)),
    Column("run_link", Text),
    Column("model_uuid", String(64)),
    Column("status", String(40), nullable=False),
    Column("status_message", Text),
    Index("uq_model_versions_version", "registered_model_id", "version", unique=True),
    Index("ix_model_versions_recent", "updated_at_ms", "id"),
    Index("ix_model_versions_run", "run_uuid"),
    Index("ix_model_versions_model", "model_uuid"),
)

model_version_tags = Table(
    "model_version_tags",
    metadata,
    Column("model_version_id", Id, ForeignKey("model_versions.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

registered_model_aliases = Table(
    "registered_model_aliases",
    metadata,
    Column("registered_model_id", Id, ForeignKey("registered_models.id"), primary_key=True),
    Column("alias", String(255), primary_key=True),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["registered_model_id", "version"],
        ["model_versions.registered_model_id", "model_versions.version"],
        name="fk_registered_model_aliases_version",
    ),
    sqlite_with_rowid=False,
)
