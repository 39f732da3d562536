"""The datasets of experiments, and what their runs read them for. Logging them is in `inputs`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, and_, bindparam, select

from tracking_server.store import experiments
from tracking_server.store.schema import datasets, run_dataset_tags, run_datasets

MAX_DATASETS = 1000
LOOKED_AT = 100
"""Of how many runs that read a dataset it is looked up what for: a dataset may have a million of them."""

_CONTEXT = "mlflow.data.context"
_DATASETS = (
    select(datasets.c.id, datasets.c.experiment_id, datasets.c.name, datasets.c.digest)
    .where(datasets.c.experiment_id.in_(bindparam("experiments", expanding=True)))
    .order_by(datasets.c.experiment_id, datasets.c.name, datasets.c.digest)
    .limit(MAX_DATASETS)
)
_USES = (
    select(run_dataset_tags.c.value)
    .select_from(
        run_datasets.outerjoin(
            run_dataset_tags,
            and_(
                run_dataset_tags.c.run_id == run_datasets.c.run_id,
                run_dataset_tags.c.dataset_id == run_datasets.c.dataset_id,
                run_dataset_tags.c.key == _CONTEXT,
            ),
        )
    )
    .where(run_datasets.c.dataset_id == bindparam("dataset"))
    .order_by(run_datasets.c.dataset_id, run_datasets.c.run_id.desc())
    .limit(LOOKED_AT)
)


class DatasetSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dataset of an experiment, once for each thing that it was read for."""

    experiment_id: str
    name: str
    digest: str
    context: str | None = None


def summaries(connection: Connection, experiment_ids: Sequence[str]) -> list[DatasetSummary]:
    """The first thousand datasets of these experiments, by name. Raises InvalidParameter for a bad id.

    What a dataset was read for is taken from the hundred newest runs that read it.
    """
    ids = sorted({experiments.parse_id(experiment_id) for experiment_id in experiment_ids})
    found: list[DatasetSummary] = []
    for row in connection.execute(_DATASETS, {"experiments": ids}).all():
        contexts = {value for (value,) in connection.execute(_USES, {"dataset": row.id})}
        found.extend(
            DatasetSummary(
                experiment_id=str(row.experiment_id), name=row.name, digest=row.digest, context=context
            )
            for context in sorted(contexts, key=lambda context: (context is None, context))
        )
    return found[:MAX_DATASETS]
