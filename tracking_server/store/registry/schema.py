"""The tables of the model registry: registered models, their versions, aliases and tags.

Clients speak of models by name; inside, versions and tags hang on an id, so that renaming changes one row.
Whoever changes something of a model holds its row of `registered_models` first: that settles every race.
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
    Index("ix_registered_models_created", "created_at_ms", "name"),
)
Index("ix_registered_models_recent", registered_models.c.updated_at_ms.desc(), registered_models.c.name)

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
    # Where the files are, resolved when the version was made; NULL: at the source.
    Column("storage_location", Text),
    # Empty, and not NULL, where a version has none, as MLflow stores it.
    Column("run_uuid", String(256), nullable=False),
    Column("run_link", Text, nullable=False),
    Column("model_uuid", String(64)),
    Column("status", String(40), nullable=False),
    Column("status_message", Text),
    Index("uq_model_versions_version", "registered_model_id", "version", unique=True),
    # The newest version in each stage is one step of this index.
    Index("ix_model_versions_stage", "registered_model_id", "stage", "version"),
    Index("ix_model_versions_recent", "updated_at_ms", "id"),
    Index("ix_model_versions_created", "created_at_ms", "id"),
    Index("ix_model_versions_run", "run_uuid"),
    Index("ix_model_versions_model", "model_uuid"),
)
# In the order of a search's answer: the versions of one model, most recently changed first.
Index(
    "ix_model_versions_listing",
    model_versions.c.registered_model_id,
    model_versions.c.updated_at_ms.desc(),
    model_versions.c.version.desc(),
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
