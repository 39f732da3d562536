"""Indexes for every order and filter of runs, and the columns that they need."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_HEAD_LENGTH = 250


def upgrade() -> None:
    """Give params, tags and latest metrics copies of their run's experiment and start, then the indexes."""
    _runs()
    op.create_index(
        "ix_logged_models_names", "logged_models", ["experiment_id", "deleted", "name", "created_at_ms", "id"]
    )
    op.drop_index("ix_latest_metrics_best", "latest_metrics")
    for table in ("params", "run_tags", "latest_metrics"):
        if op.get_context().dialect.name == "sqlite":
            _rebuilt(table)
        else:
            _extended(table)
    for table in ("params", "run_tags"):
        op.create_index(f"ix_{table}_values", table, ["experiment_id", "key", "head", "start_ms", "run_id"])
    op.create_index(
        "ix_latest_metrics_best",
        "latest_metrics",
        ["experiment_id", "key_id", "is_nan", "value", "start_ms", "run_id"],
    )


def _runs() -> None:
    head = sa.Column(
        "name_head", sa.String(length=_HEAD_LENGTH), sa.Computed(f"substr(name, 1, {_HEAD_LENGTH})")
    )
    op.add_column("runs", head)
    op.drop_index("ix_runs_recent", "runs")
    # MySQL keeps one index for the foreign key: the new one is there before the old one goes.
    for name, column in (
        ("names", "name_head"),
        ("states", "status"),
        ("users", "user_id"),
        ("ends", "end_ms"),
    ):
        op.create_index(f"ix_runs_{name}", "runs", ["experiment_id", "deleted", column, "start_ms", "id"])
    op.drop_index("ix_runs_listing", "runs")
    op.create_index("ix_runs_listing", "runs", ["experiment_id", "deleted", "start_ms", "id"])
    op.create_index("ix_runs_recent", "runs", ["deleted", "start_ms", "id"])


def _extended(table: str) -> None:
    """Add the copies in place; latest metrics have the experiment already."""
    of_run = "(SELECT runs.{} FROM runs WHERE runs.id = {}.run_id)"
    added: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {}
    if table != "latest_metrics":
        added["experiment_id"] = sa.BigInteger(), of_run.format("experiment_id", table)
    added["start_ms"] = sa.BigInteger(), of_run.format("start_ms", table)
    if table != "latest_metrics":
        added["head"] = sa.String(length=_HEAD_LENGTH), f"substr(value, 1, {_HEAD_LENGTH})"
    for column, (kind, value) in added.items():
        op.add_column(table, sa.Column(column, kind, nullable=True))
        op.execute(f"UPDATE {table} SET {column} = {value}")  # noqa: S608  # constants
        op.alter_column(table, column, existing_type=kind, nullable=False)


def _rebuilt(table: str) -> None:
    """SQLite adds no column without a default: a new table takes the old one's rows and its name."""
    old = f"{table}_of_0002"
    op.rename_table(table, old)
    if table == "latest_metrics":
        _latest_metrics()
        columns, head = "run_id, key_id, timestamp_ms, step, value, is_nan", ""
    else:
        _texts(table)
        columns, head = "run_id, key, value", f", substr({old}.value, 1, {_HEAD_LENGTH})"
    given = ", ".join(f"{old}.{column}" for column in columns.split(", "))
    # The columns are in the order of the new table.
    op.execute(
        f"INSERT INTO {table} SELECT {given}, runs.experiment_id, runs.start_ms{head} "  # noqa: S608  # constants
        f"FROM {old} JOIN runs ON runs.id = {old}.run_id"
    )
    op.drop_table(old)


def _copies() -> list[sa.Column[int]]:
    return [
        sa.Column("experiment_id", _ID, nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
    ]


def _latest_metrics() -> None:
    op.create_table(
        "latest_metrics",
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        *_copies(),
        sa.PrimaryKeyConstraint("run_id", "key_id", name="pk_latest_metrics"),
        sqlite_with_rowid=False,
    )


def _texts(table: str) -> None:
    op.create_table(
        table,
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        *_copies(),
        sa.Column("head", sa.String(length=_HEAD_LENGTH), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=f"fk_{table}_run_id"),
        sa.PrimaryKeyConstraint("run_id", "key", name=f"pk_{table}"),
        sqlite_with_rowid=False,
    )
