"""An index of the runs that are nested under no other, by start."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_runs_roots", "runs", ["experiment_id", "deleted", "parent_uuid", "start_ms", "id"])
