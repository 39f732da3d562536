"""MLflow's fluent functions for what a run reads: data sets and logged models.

All raise ApiError for what the server refuses and TransportError where it does not answer in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracking_client.data.dataset import Dataset
from tracking_client.errors import InvalidArgument
from tracking_client.starting import at_hand
from tracking_client.wire import entities, names
from tracking_client.wire.entities import DatasetInput, InputTag, LoggedModelInput
from tracking_client.wire.fields import text


def log_input(
    dataset: Any = None,
    context: str | None = None,
    tags: Mapping[str, Any] | None = None,
    model: LoggedModelInput | None = None,
) -> None:
    """Records a data set, a logged model or both as read by the run at hand.

    `dataset` is one of `tracking_client.data` or of `mlflow.data`. `context` says what for, such as
    "training". Raises InvalidArgument for any other `dataset`.
    """
    datasets = [] if dataset is None else [_used(dataset, context, tags)]
    at_hand().log_inputs(datasets, [] if model is None else [model])


def log_inputs(
    datasets: Sequence[Any] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, Any] | None] | None = None,
    models: Sequence[LoggedModelInput | None] | None = None,
) -> None:
    """Records several data sets and logged models as read by the run at hand, in one request.

    `contexts` and `tags_list` go with `datasets`, item by item, and may be left out; None stands for nothing.
    Raises InvalidArgument where they have another length, and as `log_input`.
    """
    given = list(datasets or ())
    for what, beside in (("contexts", contexts), ("tags_list", tags_list)):
        if beside is not None and len(beside) != len(given):
            raise InvalidArgument(
                f"`mlflow.log_inputs` requires `datasets` and `{what}` to have the same length, "
                f"but got {len(given)} and {len(beside)}"
            )
    nothing = [None] * len(given)
    together = zip(given, contexts or nothing, tags_list or nothing, strict=True)
    used = [_used(dataset, context, tags) for dataset, context, tags in together if dataset is not None]
    at_hand().log_inputs(used, [model for model in models or () if model is not None])


def _used(dataset: Any, context: str | None, tags: Mapping[str, Any] | None) -> DatasetInput:
    wanted = {str(key): str(value) for key, value in (tags or {}).items()}
    if context is not None:
        wanted[names.DATASET_CONTEXT] = context
    return DatasetInput(_entity(dataset), [InputTag(key, value) for key, value in wanted.items()])


def _entity(dataset: Any) -> entities.Dataset:
    if isinstance(dataset, entities.Dataset):
        return dataset
    if isinstance(dataset, Dataset):
        return dataset.to_entity()
    # MLflow's own: its dictionary has what is recorded.
    told = dataset.to_dict() if hasattr(dataset, "to_dict") else None
    if not isinstance(told, Mapping) or not {"name", "digest", "source", "source_type"} <= told.keys():
        raise InvalidArgument(
            f"a {type(dataset).__name__} is no data set: make one of it with "
            "tracking_client.data.from_pandas, from_numpy or MetaDataset"
        )
    return entities.Dataset(
        name=str(told["name"]),
        digest=str(told["digest"]),
        source_type=str(told["source_type"]),
        source=str(told["source"]),
        schema=text(told.get("schema")),
        profile=text(told.get("profile")),
    )


__all__ = ["log_input", "log_inputs"]
