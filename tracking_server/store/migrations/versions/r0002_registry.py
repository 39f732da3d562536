"""The model registry, webhooks and access tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; nothing that exists is touched."""
    _registry()
    _webhooks()
    _access_tokens()


def _registry() -> None:
    op.create_table(
        "registered_models",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registered_models"),
        sa.UniqueConstraint("name", name="uq_registered_models_name"),
    )
    op.create_index("ix_registered_models_created", "registered_models", ["created_at_ms", "name"])
    op.create_index(
        "ix_registered_models_recent", "registered_models", [sa.text("updated_at_ms DESC"), "name"]
    )
    op.create_table(
        "model_versions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("registered_model_id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("user_id", sa.String(length=256)),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("storage_location", sa.Text()),
        sa.Column("run_uuid", sa.String(length=256), nullable=False),
        sa.Column("run_link", sa.Text(), nullable=False),
        sa.Column("model_uuid", sa.String(length=64)),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("status_message", sa.Text()),
        sa.ForeignKeyConstraint(
            ["registered_model_id"],
            ["registered_models.id"],
            name="fk_model_versions_registered_model_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_model_versions"),
    )
    op.create_index(
        "uq_model_versions_version", "model_versions", ["registered_model_id", "version"], unique=True
    )
    op.create_index("ix_model_versions_stage", "model_versions", ["registered_model_id", "stage", "version"])
    op.create_index("ix_model_versions_recent", "model_versions", ["updated_at_ms", "id"])
    op.create_index("ix_model_versions_created", "model_versions", ["created_at_ms", "id"])
    op.create_index("ix_model_versions_run", "model_versions", ["run_uuid"])
    op.create_index("ix_model_versions_model", "model_versions", ["model_uuid"])
    op.create_index(
        "ix_model_versions_listing",
        "model_versions",
        ["registered_model_id", sa.text("updated_at_ms DESC"), sa.text("version DESC")],
    )
    _tags("registered_model_tags", "registered_model_id", "registered_models.id")
    _tags("model_version_tags", "model_version_id", "model_versions.id")
    op.create_table(
        "registered_model_aliases",
        sa.Column("registered_model_id", _ID, nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registered_model_id"],
            ["registered_models.id"],
            name="fk_registered_model_aliases_registered_model_id",
        ),
        sa.ForeignKeyConstraint(
            ["registered_model_id", "version"],
            ["model_versions.registered_model_id", "model_versions.version"],
            name="fk_registered_model_aliases_version",
        ),
        sa.PrimaryKeyConstraint("registered_model_id", "alias", name="pk_registered_model_aliases"),
        sqlite_with_rowid=False,
    )


def _tags(table: str, owner: str, target: str) -> None:
    op.create_table(
        table,
        sa.Column(owner, _ID, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint([owner], [target], name=f"fk_{table}_{owner}"),
        sa.PrimaryKeyConstraint(owner, "key", name=f"pk_{table}"),
        sqlite_with_rowid=False,
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uuid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("uuid", name="uq_webhooks_uuid"),
    )
    op.create_index("ix_webhooks_listing", "webhooks", ["created_at_ms", "id"])
    op.create_table(
        "webhook_events",
        sa.Column("webhook_id", _ID, nullable=False),
        sa.Column("entity", sa.String(length=50), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_webhook_events_webhook_id"),
        sa.PrimaryKeyConstraint("webhook_id", "entity", "action", name="pk_webhook_events"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_events_event", "webhook_events", ["entity", "action"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uuid", sa.String(length=64), nullable=False),
        sa.Column("webhook_id", _ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name="fk_webhook_deliveries_webhook_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    op.create_index("ix_webhook_deliveries_due", "webhook_deliveries", ["due_at_ms", "webhook_id"])
    op.create_index("ix_webhook_deliveries_webhook", "webhook_deliveries", ["webhook_id"])


def _access_tokens() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_tokens"),
        sa.UniqueConstraint("name", name="uq_access_tokens_name"),
        sa.UniqueConstraint("digest", name="uq_access_tokens_digest"),
    )
