"""What runs read and made: datasets, and links to logged models.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.engine import Row

from tracking_server.store.of_many import OfMany
from tracking_server.store.records import (
    Dataset,
    DatasetInput,
    ModelInput,
    ModelOutput,
    RunInputs,
    RunOutputs,
    Tag,
)
from tracking_server.store.schema import datasets, run_dataset_tags, run_datasets, run_models
from tracking_server.store.upsert import insert_missing, insert_or_update

_DATASETS = OfMany(
    run_datasets.c.run_id,
    select(run_datasets.c.run_id, datasets)
    .join(datasets, datasets.c.id == run_datasets.c.dataset_id)
    .order_by(run_datasets.c.run_id, run_datasets.c.dataset_id),
)
_DATASET_TAGS = OfMany(
    run_dataset_tags.c.run_id,
    select(run_dataset_tags).order_by(*run_dataset_tags.primary_key),
)
_MODELS = OfMany(
    run_models.c.run_id,
    select(run_models)
    .where(run_models.c.is_output == bindparam("is_output"))
    .order_by(run_models.c.run_id, run_models.c.step, run_models.c.model_uuid),
)
_ONE_LINK = select(run_datasets.c.run_id).where(
    run_datasets.c.run_id == bindparam("run_id"), run_datasets.c.dataset_id == bindparam("dataset_id")
)
_ONE_DATASET = select(datasets.c.id).where(
    datasets.c.experiment_id == bindparam("experiment"),
    datasets.c.name == bindparam("wanted_name"),
    datasets.c.digest == bindparam("wanted_digest"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedDataset:
    """A dataset to be noted as read by a run; the tags say what for."""

    dataset: Dataset
    tags: tuple[Tag, ...] = ()


def log_datasets(connection: Connection, run: Row[Any], used: Sequence[UsedDataset]) -> None:
    """Note that a run (its row of the table `runs`) read these datasets; repeating it changes nothing."""
    for use in used:
        link = {"run_id": run.id, "dataset_id": _dataset_id(connection, run.experiment_id, use.dataset)}
        if connection.execute(_ONE_LINK, link).first() is not None:
            continue  # as in MLflow, the first word on what a run read a dataset for is the last
        insert_missing(connection, run_datasets, [link])
        insert_or_update(
            connection,
            run_dataset_tags,
            [{**link, "key": tag.key, "value": tag.value} for tag in use.tags],
        )


def _dataset_id(connection: Connection, experiment_id: int, dataset: Dataset) -> int:
    insert_missing(
        connection,
        datasets,
        [
            {
                "experiment_id": experiment_id,
                "name": dataset.name,
                "digest": dataset.digest,
                "source_type": dataset.source_type,
                "source": dataset.source,
                "schema": dataset.schema,
                "profile": dataset.profile,
            }
        ],
    )
    found: int = connection.execute(
        _ONE_DATASET,
        {"experiment": experiment_id, "wanted_name": dataset.name, "wanted_digest": dataset.digest},
    ).scalar_one()
    return found


def log_model_inputs(connection: Connection, run: Row[Any], model_ids: Sequence[str]) -> None:
    """Note that a run read these logged models; repeating it is harmless."""
    _log_models(connection, run, [(model_id, 0) for model_id in model_ids], is_output=False)


def log_model_outputs(connection: Connection, run: Row[Any], models: Sequence[tuple[str, int]]) -> None:
    """Note that a run made these logged models (id, step); repeating it is harmless."""
    _log_models(connection, run, models, is_output=True)


def _log_models(
    connection: Connection, run: Row[Any], models: Sequence[tuple[str, int]], *, is_output: bool
) -> None:
    insert_missing(
        connection,
        run_models,
        [
            {"run_id": run.id, "model_uuid": model_id, "is_output": is_output, "step": step}
            for model_id, step in models
        ],
    )


def of_runs(connection: Connection, runs: Sequence[int]) -> dict[int, RunInputs]:
    """What each of `runs` (ids of the table `runs`) read."""
    tags: dict[tuple[int, int], list[Tag]] = {}
    for run, dataset_id, key, value in _DATASET_TAGS.rows(connection, runs):
        tags.setdefault((run, dataset_id), []).append(Tag(key, value))
    read: dict[int, list[DatasetInput]] = {run: [] for run in runs}
    for row in _DATASETS.named(connection, runs):
        read[row.run_id].append(
            DatasetInput(dataset=_dataset(row), tags=tuple(tags.get((row.run_id, row.id), ())))
        )
    models: dict[int, list[ModelInput]] = {run: [] for run in runs}
    for row in _MODELS.named(connection, runs, is_output=False):
        models[row.run_id].append(ModelInput(row.model_uuid))
    return {run: RunInputs(dataset_inputs=tuple(read[run]), model_inputs=tuple(models[run])) for run in runs}


def _dataset(row: Row[Any]) -> Dataset:
    return Dataset(
        name=row.name,
        digest=row.digest,
        source_type=row.source_type,
        source=row.source,
        schema=row.schema,
        profile=row.profile,
    )


def outputs_of_runs(connection: Connection, runs: Sequence[int]) -> dict[int, RunOutputs]:
    """What each of `runs` (ids of the table `runs`) made."""
    made: dict[int, list[ModelOutput]] = {run: [] for run in runs}
    for row in _MODELS.named(connection, runs, is_output=True):
        made[row.run_id].append(ModelOutput(row.model_uuid, row.step))
    return {run: RunOutputs(model_outputs=tuple(models)) for run, models in made.items()}
