"""MLflow's fluent functions for logged models.

All raise ApiError for what the server refuses and TransportError where it does not answer in time.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from tracking_client import active_experiment, provenance
from tracking_client.active_model import choose, clear_active_model, get_active_model_id
from tracking_client.artifact_stores.temporary import scratch_directory
from tracking_client.errors import InvalidArgument
from tracking_client.mlflow_client import MlflowClient
from tracking_client.starting import active_run, at_hand
from tracking_client.table import logged_models_table
from tracking_client.wire import names
from tracking_client.wire.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

_last_model_id: str | None = None


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Creates a logged model in the state PENDING: its files follow, then `finalize_logged_model`.

    It comes from `source_run_id`, by default the active run, and goes to `experiment_id`, by default the
    active run's or the one for new runs.
    """
    global _last_model_id  # noqa: PLW0603  # what last_logged_model() returns
    run = active_run()
    client = MlflowClient()
    chosen = experiment_id
    if chosen is None:
        chosen = run.info.experiment_id if run is not None else active_experiment.chosen_id(client)
    made = client.create_logged_model(
        active_experiment.DEFAULT_EXPERIMENT_ID if chosen is None else chosen,
        name=name,
        source_run_id=run.info.run_id if run is not None and source_run_id is None else source_run_id,
        tags={**provenance.default_tags(), **(tags or {})},
        params=params,
        model_type=model_type,
    )
    _last_model_id = made.model_id
    return made


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Creates a logged model that is READY at once and whose files are somewhere else.

    An `MLmodel` file without flavours says so to whoever wants to load it.
    """
    external = {**(tags or {}), names.MODEL_IS_EXTERNAL: "true"}
    made = initialize_logged_model(name, source_run_id, external, params, model_type, experiment_id)
    client = MlflowClient()
    with scratch_directory("model-") as directory:
        description = Path(directory, "MLmodel")
        description.write_text(_external_mlmodel(made), encoding="utf-8")
        client.log_model_artifact(made.model_id, description)
    return client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)


def finalize_logged_model(model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
    """Says that the files are there (READY) or will never be (FAILED). Raises NotFound, InvalidArgument."""
    return MlflowClient().finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """The model as it is now. Raises NotFound."""
    return MlflowClient().get_logged_model(model_id)


def last_logged_model() -> LoggedModel | None:
    """The model that this process created last, as it is now; None before the first."""
    return None if _last_model_id is None else MlflowClient().get_logged_model(_last_model_id)


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Sets tags of a logged model. Raises NotFound."""
    MlflowClient().set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Removes one tag of a logged model. Raises NotFound where it is not set."""
    MlflowClient().delete_logged_model_tag(model_id, key)


def log_model_params(params: Mapping[str, Any], model_id: str | None = None) -> None:
    """Adds parameters to a logged model, by default the active one, else the one this process created last.

    Raises InvalidArgument where there is none, or one of them has another value already; NotFound.
    """
    wanted = model_id or get_active_model_id() or _last_model_id
    if wanted is None:
        raise InvalidArgument(
            "no logged model is active, and none was created here: say which one by its `model_id`"
        )
    MlflowClient().log_model_params(wanted, params)


@dataclass(frozen=True, slots=True, repr=False)
class ActiveModel(LoggedModel):
    """A logged model that was made the active one. Leaving its `with` block makes `before` active again."""

    before: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        choose(self.before)


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Makes a logged model the one that metrics of this thread belong to from here on, or in a `with` block.

    By name it is the latest in the experiment that new runs go to, made as an external model where there is
    none. Raises InvalidArgument without name and id, or where they contradict each other, NotFound for an id.
    """
    if model_id is not None:
        model = get_logged_model(model_id)
        if name is not None and model.name != name:
            raise InvalidArgument(
                f"LoggedModel with model_id {model_id!r} has name {model.name!r}, which does not match the "
                f"provided name {name!r}."
            )
    elif name is not None:
        model = _latest_called(name) or create_external_model(name=name)
    else:
        raise InvalidArgument("Either name or model_id must be provided")
    before = get_active_model_id()
    choose(model.model_id)
    return ActiveModel(**{field.name: getattr(model, field.name) for field in fields(model)}, before=before)


def _latest_called(name: str) -> LoggedModel | None:
    if "'" in name:
        return None  # no logged model's name: servers refuse such ones
    found = search_logged_models(filter_string=f"name = '{name}'", max_results=1, output_format="list")
    return found[0] if found else None


def log_outputs(models: Sequence[LoggedModelOutput] | None = None) -> None:
    """Records logged models as made by the run at hand. Raises NotFound."""
    run = at_hand()
    if models:
        run.log_outputs(models)


@overload
def search_logged_models(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str | None = ...,
    datasets: Sequence[Mapping[str, Any]] | None = ...,
    max_results: int | None = ...,
    order_by: Sequence[Mapping[str, Any]] | None = ...,
    *,
    output_format: Literal["list"],
) -> list[LoggedModel]: ...
@overload
def search_logged_models(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str | None = ...,
    datasets: Sequence[Mapping[str, Any]] | None = ...,
    max_results: int | None = ...,
    order_by: Sequence[Mapping[str, Any]] | None = ...,
    output_format: str = ...,
) -> list[LoggedModel] | pd.DataFrame: ...
def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, Any]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: str = "pandas",
) -> list[LoggedModel] | pd.DataFrame:
    """All logged models that match, by default of the experiment that new runs go to.

    `output_format` is "pandas" (a row per model) or "list". `datasets` and `order_by` are as in
    `MlflowClient.search_logged_models`. Raises InvalidArgument.
    """
    if output_format not in ("list", "pandas"):
        raise InvalidArgument(
            f"Unsupported output format: {output_format!r}. Supported string values are 'pandas' or 'list'"
        )
    client = MlflowClient()
    searched = list(experiment_ids or ())
    if not searched:
        run = active_run()
        chosen = run.info.experiment_id if run is not None else active_experiment.chosen_id(client)
        searched = [chosen or active_experiment.DEFAULT_EXPERIMENT_ID]
    found = list(client.find_logged_models(searched, filter_string, datasets, order_by, max_results))
    return found if output_format == "list" else logged_models_table(found)


def _external_mlmodel(model: LoggedModel) -> str:
    """The `MLmodel` file (YAML, of which JSON is a part) that MLflow writes for an external model."""
    placeholder = json.dumps([{"type": "boolean", "required": True}])
    fields = {
        "artifact_path": model.artifact_location,
        "flavors": {},
        "metadata": {names.MODEL_IS_EXTERNAL: True},
        "model_id": model.model_id,
        "model_uuid": model.model_id,
        "run_id": model.source_run_id or "",
        "signature": {"inputs": placeholder, "outputs": placeholder, "params": None},
        "utc_time_created": f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M:%S.%f}",
    }
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in fields.items())


__all__ = [
    "ActiveModel",
    "clear_active_model",
    "create_external_model",
    "delete_logged_model_tag",
    "finalize_logged_model",
    "get_active_model_id",
    "get_logged_model",
    "initialize_logged_model",
    "last_logged_model",
    "log_model_params",
    "log_outputs",
    "search_logged_models",
    "set_active_model",
    "set_logged_model_tags",
]
