"""The tables, designed for a million runs and a billion metric points.

Runs and metric names have small integer ids inside the store, so that a metric point costs some forty
bytes; the wire's ids never reach the large tables. The primary keys of the large tables are the order in
which they are read, and SQLite keeps the rows in that order (WITHOUT ROWID).

The registry's tables are in `registry_schema`, those of webhooks in `webhook_schema`, of tokens in
`access_schema`. The migrations in `migrations/versions/` lead to exactly this; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from tracking_server.store.metadata import Digest as _Digest
from tracking_server.store.metadata import Id as _Id
from tracking_server.store.metadata import metadata

HEAD_LENGTH = 250
"""How many characters of a text are indexed, as its head, and decide its place in an order."""


def _run_copies() -> tuple[Column[Any], Column[Any]]:
    """What a run never changes, copied beside its data: "these values, newest first" is one range then."""
    return Column("experiment_id", _Id, nullable=False), Column("start_ms", BigInteger, nullable=False)


experiments = Table(
    "experiments",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(500), nullable=False, unique=True),
    Column("artifact_location", Text, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Index("ix_experiments_listing", "deleted", "updated_at_ms", "id"),
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_id", _Id, ForeignKey("experiments.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uuid", String(256), nullable=False, unique=True),
    Column("experiment_id", _Id, ForeignKey("experiments.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("user_id", String(256), nullable=False),
    Column("status", String(9), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger),
    Column("artifact_uri", Text, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("deleted_at_ms", BigInteger),
    # A copy of the tag mlflow.parentRunId, kept in step with it: the tree of runs is read by index.
    Column("parent_uuid", String(256)),
    Column("name_head", String(HEAD_LENGTH), Computed(f"substr(name, 1, {HEAD_LENGTH})")),
    Index("ix_runs_parent", "parent_uuid", "start_ms"),
    Index("ix_runs_status", "status", "id"),
    # Each is the order of a search's answer: a page is one range of one of them, read backwards for DESC.
    Index("ix_runs_listing", "experiment_id", "deleted", "start_ms", "id"),
    Index("ix_runs_recent", "deleted", "start_ms", "id"),
    Index("ix_runs_roots", "experiment_id", "deleted", "parent_uuid", "start_ms", "id"),
    Index("ix_runs_names", "experiment_id", "deleted", "name_head", "start_ms", "id"),
    Index("ix_runs_states", "experiment_id", "deleted", "status", "start_ms", "id"),
    Index("ix_runs_users", "experiment_id", "deleted", "user_id", "start_ms", "id"),
    Index("ix_runs_ends", "experiment_id", "deleted", "end_ms", "start_ms", "id"),
)

params = Table(
    "params",
    metadata,
    Column("run_id", _Id, ForeignKey("runs.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    *_run_copies(),
    Column("head", String(HEAD_LENGTH), nullable=False),
    Index("ix_params_values", "experiment_id", "key", "head", "start_ms", "run_id"),
    sqlite_with_rowid=False,
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", _Id, ForeignKey("runs.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    *_run_copies(),
    Column("head", String(HEAD_LENGTH), nullable=False),
    Index("ix_run_tags_values", "experiment_id", "key", "head", "start_ms", "run_id"),
    sqlite_with_rowid=False,
)

metric_keys = Table(
    "metric_keys",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(250), nullable=False, unique=True),
)

# No foreign keys on the two tables that every metric goes through: the writer looks the run up anyway.
metrics = Table(
    "metrics",
    metadata,
    Column("run_id", _Id, primary_key=True),
    Column("key_id", _Id, primary_key=True),
    Column("timestamp_ms", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Float(53), primary_key=True),
    Column("is_nan", Boolean, primary_key=True),
    sqlite_with_rowid=False,
)

latest_metrics = Table(
    "latest_metrics",
    metadata,
    Column("run_id", _Id, primary_key=True),
    Column("key_id", _Id, primary_key=True),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Float(53), nullable=False),
    Column("is_nan", Boolean, nullable=False),
    *_run_copies(),
    Index("ix_latest_metrics_best", "experiment_id", "key_id", "is_nan", "value", "start_ms", "run_id"),
    sqlite_with_rowid=False,
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("experiment_id", _Id, ForeignKey("experiments.id"), nullable=False),
    Column("name", String(500), nullable=False),
    Column("digest", String(36), nullable=False),
    Column("source_type", String(36), nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text),
    Column("profile", Text),
    UniqueConstraint("experiment_id", "name", "digest"),
)

run_datasets = Table(
    "run_datasets",
    metadata,
    Column("run_id", _Id, ForeignKey("runs.id"), primary_key=True),
    Column("dataset_id", _Id, ForeignKey("datasets.id"), primary_key=True),
    Index("ix_run_datasets_dataset", "dataset_id"),
    sqlite_with_rowid=False,
)

run_dataset_tags = Table(
    "run_dataset_tags",
    metadata,
    Column("run_id", _Id, ForeignKey("runs.id"), primary_key=True),
    Column("dataset_id", _Id, ForeignKey("datasets.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

logged_models = Table(
    "logged_models",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uuid", String(64), nullable=False, unique=True),
    Column("experiment_id", _Id, ForeignKey("experiments.id"), nullable=False),
    Column("name", String(500), nullable=False),
    Column("model_type", String(500), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("status_message", Text),
    Column("source_run_uuid", String(256)),
    Column("artifact_uri", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Index("ix_logged_models_listing", "experiment_id", "deleted", "created_at_ms", "id"),
    Index("ix_logged_models_names", "experiment_id", "deleted", "name", "created_at_ms", "id"),
    Index("ix_logged_models_source", "source_run_uuid"),
)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    Column("model_id", _Id, ForeignKey("logged_models.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model_id", _Id, ForeignKey("logged_models.id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

# One row for each metric, run and dataset of a model: the latest point, and what is true of any of them. No
# search reads the points.
logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("model_id", _Id, ForeignKey("logged_models.id"), nullable=False),
    Column("key", String(250), nullable=False),
    Column("run_id", _Id, ForeignKey("runs.id"), nullable=False),
    Column("dataset_name", String(500), nullable=False),
    Column("dataset_digest", _Digest, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Float(53), nullable=False),
    Column("is_nan", Boolean, nullable=False),
    # NULL where no point is a number.
    Column("lowest", Float(53)),
    Column("highest", Float(53)),
    Column("has_nan", Boolean, nullable=False),
    # What a model never changes, copied from it.
    Column("experiment_id", _Id, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    UniqueConstraint(
        "model_id", "key", "run_id", "dataset_name", "dataset_digest", name="uq_logged_model_metrics_series"
    ),
    Index("ix_logged_model_metrics_run", "run_id", "model_id", "key"),
)
# The order of a search's answer by a metric: the one is read backwards for DESC, the other forwards for ASC.
_best = logged_model_metrics.c
_of_metric = (_best.experiment_id, _best.key, _best.is_nan, _best.value)
Index("ix_logged_model_metrics_best", *_of_metric, _best.created_at_ms, _best.model_id)
Index("ix_logged_model_metrics_least", *_of_metric, _best.created_at_ms.desc(), _best.model_id.desc())

# They go with their row of logged_model_metrics.
logged_model_points = Table(
    "logged_model_points",
    metadata,
    Column("series_id", _Id, ForeignKey("logged_model_metrics.id", ondelete="CASCADE"), primary_key=True),
    Column("timestamp_ms", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Float(53), primary_key=True),
    Column("is_nan", Boolean, primary_key=True),
    sqlite_with_rowid=False,
)

run_models = Table(
    "run_models",
    metadata,
    Column("run_id", _Id, ForeignKey("runs.id"), primary_key=True),
    Column("model_uuid", String(64), primary_key=True),
    Column("is_output", Boolean, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Index("ix_run_models_model", "model_uuid"),
    sqlite_with_rowid=False,
)

schema_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
