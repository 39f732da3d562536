"""Every point of a logged model's metrics, what searches ask of them, and an index for orders by a metric."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLE = "logged_model_metrics"
_SERIES = ["model_id", "key", "run_id", "dataset_name", "dataset_digest"]


def upgrade() -> None:
    """Make the rows of logged_model_metrics series, each with the one point that was kept."""
    dialect = op.get_context().dialect.name
    if dialect == "sqlite":
        _rebuilt()
    else:
        _numbered(dialect)
        _extended()
    op.create_index(f"ix_{_TABLE}_run", _TABLE, ["run_id", "model_id", "key"])
    of_metric = ["experiment_id", "key", "is_nan", "value"]
    op.create_index(f"ix_{_TABLE}_best", _TABLE, [*of_metric, "created_at_ms", "model_id"])
    op.create_index(
        f"ix_{_TABLE}_least", _TABLE, [*of_metric, sa.text("created_at_ms DESC"), sa.text("model_id DESC")]
    )
    _points()


def _rebuilt() -> None:
    """SQLite changes no primary key: a new table takes the old one's rows and its name."""
    old = f"{_TABLE}_of_0003"
    op.rename_table(_TABLE, old)
    op.create_table(
        _TABLE,
        sa.Column("id", _ID, nullable=False),
        sa.Column("model_id", _ID, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("dataset_name", sa.String(length=500), nullable=False),
        sa.Column("dataset_digest", sa.String(length=36), nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.Column("lowest", sa.Float(precision=53), nullable=True),
        sa.Column("highest", sa.Float(precision=53), nullable=True),
        sa.Column("has_nan", sa.Boolean(), nullable=False),
        sa.Column("experiment_id", _ID, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["logged_models.id"], name=f"fk_{_TABLE}_model_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=f"fk_{_TABLE}_run_id"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_TABLE}"),
        sa.UniqueConstraint(*_SERIES, name=f"uq_{_TABLE}_series"),
    )
    kept = ", ".join([*_SERIES, "timestamp_ms", "step", "value", "is_nan"])
    number = "CASE WHEN is_nan THEN NULL ELSE value END"
    op.execute(
        f"INSERT INTO {_TABLE} ({kept}, lowest, highest, has_nan, experiment_id, created_at_ms) "  # noqa: S608  # constants
        f"SELECT {', '.join(f'{old}.{name}' for name in kept.split(', '))}, {number}, {number}, is_nan, "
        f"experiment_id, created_at_ms FROM {old} JOIN logged_models ON logged_models.id = {old}.model_id"
    )
    op.drop_table(old)


def _numbered(dialect: str) -> None:
    """Give the rows ids; what was their key stays unique."""
    if dialect == "postgresql":
        op.drop_constraint(f"pk_{_TABLE}", _TABLE)
        op.execute(f"ALTER TABLE {_TABLE} ADD COLUMN id BIGSERIAL CONSTRAINT pk_{_TABLE} PRIMARY KEY")
        op.create_unique_constraint(f"uq_{_TABLE}_series", _TABLE, _SERIES)
        return
    # One statement, which MySQL does whole or not at all, and once: there cannot be a second column `id`.
    columns = ", ".join(f"`{name}`" for name in _SERIES)
    op.execute(
        f"ALTER TABLE {_TABLE} ADD COLUMN id BIGINT NOT NULL AUTO_INCREMENT, "
        f"DROP PRIMARY KEY, ADD PRIMARY KEY (id), ADD CONSTRAINT uq_{_TABLE}_series UNIQUE ({columns})"
    )


def _extended() -> None:
    """Add the other columns in place."""
    of_model = "(SELECT logged_models.{} FROM logged_models WHERE logged_models.id = model_id)"
    number = "CASE WHEN is_nan THEN NULL ELSE value END"
    for column, kind, value, nullable in (
        ("lowest", sa.Float(precision=53), number, True),
        ("highest", sa.Float(precision=53), number, True),
        ("has_nan", sa.Boolean(), "is_nan", False),
        ("experiment_id", sa.BigInteger(), of_model.format("experiment_id"), False),
        ("created_at_ms", sa.BigInteger(), of_model.format("created_at_ms"), False),
    ):
        op.add_column(_TABLE, sa.Column(column, kind, nullable=True))
        op.execute(f"UPDATE {_TABLE} SET {column} = {value}")  # noqa: S608  # constants
        if not nullable:
            op.alter_column(_TABLE, column, existing_type=kind, nullable=False)


def _points() -> None:
    op.create_table(
        "logged_model_points",
        sa.Column("series_id", _ID, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], [f"{_TABLE}.id"], name="fk_logged_model_points_series_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "series_id", "timestamp_ms", "step", "value", "is_nan", name="pk_logged_model_points"
        ),
        sqlite_with_rowid=False,
    )
    op.execute("DELETE FROM logged_model_points")  # of a migration that was cut here
    points = f"SELECT id, timestamp_ms, step, value, is_nan FROM {_TABLE}"  # noqa: S608  # constants
    op.execute(f"INSERT INTO logged_model_points {points}")  # constants
