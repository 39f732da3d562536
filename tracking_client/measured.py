"""Metrics with what they are of: the logged model that was measured, and the data that it was measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tracking_client.active_model import get_active_model_id
from tracking_client.run import ActiveRun
from tracking_client.wire.entities import Metric

OF_THE_RUN: tuple[None] = (None,)


def models_measured(run: ActiveRun, model_id: str | None, step: int) -> Sequence[str | None]:
    """Whose metrics at `step` are: the given model's, the active one's, those that the run made at the step,
    or `OF_THE_RUN` alone.
    """
    named = model_id or get_active_model_id()
    if named is not None:
        return (named,)
    # Asked with every metric, of runs that mostly made no model yet.
    return (run.models_made_at(step) if run.has_made_models else ()) or OF_THE_RUN


def log_measured(
    run: ActiveRun, points: Sequence[Metric], models: Sequence[str | None], dataset: Any
) -> None:
    """Logs `points` for each of the models, measured on `dataset` (None: nobody says).

    The data set, and a model that the run did not make, are recorded as read by the run where they are not
    yet, as with MLflow. Raises InvalidArgument.
    """
    from tracking_client.data.entity import entity_of  # most trainings need none of it
    from tracking_client.wire.entities import DatasetInput, LoggedModelInput

    entity = None if dataset is None else entity_of(dataset)
    read = [] if entity is None or run.has_read(entity) else [DatasetInput(entity)]
    used = [LoggedModelInput(model_id) for model_id in models if model_id and not run.knows_model(model_id)]
    if read or used:
        run.log_inputs(read, used)
    run.log_measured(
        [
            replace(
                point,
                model_id=model_id,
                dataset_name=None if entity is None else entity.name,
                dataset_digest=None if entity is None else entity.digest,
            )
            for point in points
            for model_id in models
        ]
    )


__all__ = ["OF_THE_RUN", "log_measured", "models_measured"]
