"""Logging a model: it becomes a logged model of the server, made by the run at hand, and maybe a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracking_client.artifact_stores.temporary import scratch_directory
from tracking_client.errors import InvalidArgument, TransportError
from tracking_client.flavours.options import Logging, split
from tracking_client.flavours.saving import Write, save
from tracking_client.fluent_logged_models import initialize_logged_model
from tracking_client.fluent_registry import register_model
from tracking_client.mlflow_client import MlflowClient
from tracking_client.models.mlmodel_file import MLMODEL, Model
from tracking_client.models.model_info import ModelInfo
from tracking_client.starting import active_run, attached
from tracking_client.wire import names
from tracking_client.wire.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus

_SAVE_IT = (
    "a logged model gets its id from the server: keep the model with save_model(…), and log it when the "
    "server answers, or run with RUNNER_OFFLINE=1"
)


def log(write: Write, artifact_path: str | None, options: Mapping[str, Any]) -> ModelInfo:
    """Saves what `write` writes and sends it to the server. `artifact_path` is an older name for `name`.

    The model is saved first: one that cannot be saved leaves nothing on the server. One whose files cannot be
    sent is left there as FAILED. Raises InvalidArgument, ApiError, TransportError, ArtifactError, OSError.
    """
    saving, logging = split(options)
    if artifact_path is not None:
        if logging.name is not None:
            raise InvalidArgument("Give `name` or `artifact_path`, which mean the same, not both")
        logging = replace(logging, name=artifact_path)
    client = MlflowClient()
    with scratch_directory("model-") as beside:
        directory = Path(beside, "model")
        model = save(directory, write, saving)
        with _explained(_SAVE_IT):
            logged = _created(client, logging)
        _identify(model, logged, directory)
        _send(client, logged, directory)
    if logged.tags.get(names.MODEL_IS_EXTERNAL, "").lower() == "true":
        client.delete_logged_model_tag(logged.model_id, names.MODEL_IS_EXTERNAL)
    version = None
    if logging.registered_model_name is not None:
        later = f"the model is logged; register it later: register_model({logged.model_uri!r}, …)"
        with _explained(later):
            made = register_model(
                logged.model_uri,
                logging.registered_model_name,
                logging.await_registration_for,
                tags=logging.tags,
            )
        version = str(made.version)
    return _info(model, logged, version)


@contextmanager
def _explained(remedy: str) -> Iterator[None]:
    """Has the error of a server that does not answer say what to do."""
    try:
        yield
    except TransportError as error:
        error.message = f"{error.message}; {remedy}"
        error.args = (error.message,)
        raise


def _created(client: MlflowClient, logging: Logging) -> LoggedModel:
    """The logged model that the files are for, with the run's params and its metrics of that step."""
    if logging.model_id is not None:
        return client.get_logged_model(logging.model_id)
    run = active_run()
    run_id = logging.run_id or (run.info.run_id if run is not None else None)
    source = client.get_run(run_id) if run_id is not None else None
    params = {**(source.data.params if source is not None else {}), **(logging.params or {})}
    logged = initialize_logged_model(
        name=logging.name,
        source_run_id=run_id,
        tags=logging.tags,
        params=params,
        model_type=logging.model_type,
        experiment_id=source.info.experiment_id if source is not None else None,
    )
    if source is not None:
        made = LoggedModelOutput(logged.model_id, logging.step)
        client.log_outputs(source.info.run_id, [made])
        attached(source.info.run_id).has_logged(made)
        _attach_metrics(client, source.info.run_id, source.data.metrics, logged.model_id, logging.step)
    return logged


def _attach_metrics(
    client: MlflowClient, run_id: str, metrics: Mapping[str, float], model_id: str, step: int
) -> None:
    """What the run measured at the step belongs to the model, as with MLflow."""
    points = [point for key in metrics for point in client.get_metric_history(run_id, key)]
    of_step = [
        replace(point, model_id=model_id) for point in points if point.step == step and not point.model_id
    ]
    if of_step:
        client.log_batch(run_id, metrics=of_step)


def _identify(model: Model, logged: LoggedModel, directory: Path) -> None:
    model.model_id = model.model_uuid = logged.model_id
    model.run_id = logged.source_run_id or None
    model.artifact_path = logged.artifact_location
    model.save(directory / MLMODEL)


def _send(client: MlflowClient, logged: LoggedModel, directory: Path) -> None:
    try:
        client.log_model_artifacts(logged.model_id, directory)
    except BaseException:
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def _info(model: Model, logged: LoggedModel, version: str | None) -> ModelInfo:
    return ModelInfo(
        model_uri=logged.model_uri,
        model_id=logged.model_id,
        model_uuid=logged.model_id,
        name=logged.name,
        artifact_path=logged.artifact_location,
        run_id=model.run_id,
        flavors=model.flavors,
        signature=model.signature,
        saved_input_example_info=model.saved_input_example_info,
        utc_time_created=model.utc_time_created,
        creation_timestamp=logged.creation_timestamp,
        mlflow_version=model.mlflow_version,
        metadata=model.metadata,
        params=dict(logged.params),
        tags=dict(logged.tags),
        registered_model_version=version,
    )


__all__ = ["log"]
