"""MLflow's fluent functions for what a run reads: data sets and logged models.

All raise ApiError for what the server refuses and TransportError where it does not answer in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracking_client.data.entity import entity_of
from tracking_client.errors import InvalidArgument
from tracking_client.starting import at_hand
from tracking_client.wire import names
from tracking_client.wire.entities import DatasetInput, InputTag, LoggedModelInput


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
    return DatasetInput(entity_of(dataset), [InputTag(key, value) for key, value in wanted.items()])


__all__ = ["log_input", "log_inputs"]
