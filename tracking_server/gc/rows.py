"""The rows of what goes: marking in one step, then removing in small ones.

A marked run or model has the id `gc:<row>`, which no request can restore: from then on it is gone for good,
and a later collection finishes what this one may not. Every function works inside the caller's transaction
and changes a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, func, or_, select, true, update

from tracking_server.store.registry.schema import model_versions, registered_models
from tracking_server.store.runs import COLLECTED
from tracking_server.store.schema import (
    datasets,
    experiment_tags,
    experiments,
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    metrics,
    params,
    run_dataset_tags,
    run_datasets,
    run_models,
    run_tags,
    runs,
)

MARK = COLLECTED
POINTS_PER_STEP = 5000
"""Metric points that one transaction removes (more only where they share one timestamp)."""


def version_from_run(connection: Connection, run_uuid: str, models: Sequence[str]) -> str | None:
    """The first model version registered from a run or one of its logged models, in words; or None."""
    # A version that comes from no run has an empty run id.
    runs_wanted = [run_uuid] if run_uuid else []
    for column, wanted in ((model_versions.c.run_uuid, runs_wanted), (model_versions.c.model_uuid, models)):
        row = connection.execute(
            select(registered_models.c.name, model_versions.c.version)
            .join(registered_models, registered_models.c.id == model_versions.c.registered_model_id)
            .where(column.in_(list(wanted)))
            .order_by(model_versions.c.id)
            .limit(1)
        ).first()
        if row is not None:
            return f"version {row.version} of the registered model '{row.name}' comes from it"
    return None


def reader_of(connection: Connection, model_uuid: str, but: int | None) -> str | None:
    """A run that is not deleted and has a logged model as its input, other than the run `but`; or None."""
    found: str | None = connection.execute(
        select(runs.c.uuid)
        .join(run_models, run_models.c.run_id == runs.c.id)
        .where(run_models.c.model_uuid == model_uuid, run_models.c.is_output != true())
        .where(runs.c.deleted != true(), runs.c.id != (but or 0))
        .limit(1)
    ).scalar()
    return found


def hold(connection: Connection, table: Table, row_ids: Sequence[int]) -> None:
    """Whoever needs these rows to stay waits until the transaction ends, or is waited for."""
    connection.execute(select(table.c.id).where(table.c.id.in_(list(row_ids))).with_for_update())


def is_deleted(connection: Connection, model_id: int) -> bool:
    """Whether a logged model is deleted, by itself or with its experiment, until the transaction ends."""
    found = connection.execute(
        select(logged_models.c.id)
        .join(experiments, experiments.c.id == logged_models.c.experiment_id)
        .where(
            logged_models.c.id == model_id,
            or_(logged_models.c.deleted == true(), experiments.c.deleted == true()),
        )
        .with_for_update()
    ).first()
    return found is not None


def mark_run(connection: Connection, row_id: int, before_ms: int, *, leave_files: bool = False) -> bool:
    """Take a run out of reach; False where it was restored, or deleted anew, meanwhile.

    `leave_files` forgets where its artifacts are, so that nobody removes them.
    """
    marked = connection.execute(
        update(runs)
        .where(
            runs.c.id == row_id, runs.c.deleted == true(), func.coalesce(runs.c.deleted_at_ms, 0) < before_ms
        )
        .values(uuid=f"{MARK}{row_id}", **_forgotten(leave_files))
    )
    return marked.rowcount > 0


def _forgotten(leave_files: bool) -> dict[str, str]:
    return {"artifact_uri": ""} if leave_files else {}


def mark_model(connection: Connection, row: Any, *, leave_files: bool = False) -> None:
    """Take a logged model (its row) out of reach; runs no longer name it. `leave_files` as in `mark_run`."""
    connection.execute(delete(run_models).where(run_models.c.model_uuid == row.uuid))
    connection.execute(
        update(logged_models)
        .where(logged_models.c.id == row.id)
        .values(uuid=f"{MARK}{row.id}", deleted=True, **_forgotten(leave_files))
    )


def remove_some_points(connection: Connection, row_id: int) -> bool:
    """Remove some metric points of a run; False when there were none left."""
    key_id = connection.execute(
        select(latest_metrics.c.key_id).where(latest_metrics.c.run_id == row_id).limit(1)
    ).scalar()
    if key_id is None:
        return False
    of_key = (metrics.c.run_id == row_id, metrics.c.key_id == key_id)
    times = connection.execute(
        select(metrics.c.timestamp_ms).where(*of_key).order_by(metrics.c.timestamp_ms).limit(POINTS_PER_STEP)
    ).scalars()
    last = max(times, default=None)
    if last is not None:
        connection.execute(delete(metrics).where(*of_key, metrics.c.timestamp_ms <= last))
    still = select(metrics.c.run_id).where(*of_key).limit(1)
    if connection.execute(still).first() is None:
        connection.execute(
            delete(latest_metrics).where(latest_metrics.c.run_id == row_id, latest_metrics.c.key_id == key_id)
        )
    return True


def remove_run(connection: Connection, row_id: int) -> None:
    """Remove a marked run whose points are gone, and datasets that only it has read."""
    read = connection.execute(
        select(run_datasets.c.dataset_id).where(run_datasets.c.run_id == row_id)
    ).scalars()
    dataset_ids = list(read)
    of_run: tuple[Table, ...] = (
        params,
        run_tags,
        run_dataset_tags,
        run_datasets,
        run_models,
        logged_model_metrics,
    )
    for table in of_run:
        connection.execute(delete(table).where(table.c.run_id == row_id))
    used = exists().where(run_datasets.c.dataset_id == datasets.c.id)
    connection.execute(delete(datasets).where(datasets.c.id.in_(dataset_ids), ~used))
    connection.execute(delete(runs).where(runs.c.id == row_id))


def remove_model(connection: Connection, row_id: int) -> None:
    """Remove a marked logged model."""
    for table in (logged_model_params, logged_model_tags, logged_model_metrics):
        connection.execute(delete(table).where(table.c.model_id == row_id))
    connection.execute(delete(logged_models).where(logged_models.c.id == row_id))


def remove_experiment(connection: Connection, row_id: int) -> bool:
    """Remove a deleted experiment; False where it was restored or something is left in it."""
    still_deleted = select(experiments.c.id).where(
        experiments.c.id == row_id, experiments.c.deleted == true()
    )
    if connection.execute(still_deleted.with_for_update()).first() is None:
        return False
    for table in (runs, logged_models):
        if connection.execute(select(table.c.id).where(table.c.experiment_id == row_id).limit(1)).first():
            return False
    connection.execute(delete(datasets).where(datasets.c.experiment_id == row_id))
    connection.execute(delete(experiment_tags).where(experiment_tags.c.experiment_id == row_id))
    connection.execute(delete(experiments).where(experiments.c.id == row_id))
    return True
