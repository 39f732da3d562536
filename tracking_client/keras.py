"""Keras 3, with the names of `mlflow.keras`: models, autologging, a callback. Imported when needed."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.flavours.keras_flavour import load_keras, write_keras
from tracking_client.flavours.local_copy import local_copy
from tracking_client.flavours.logging import log
from tracking_client.flavours.options import Saving
from tracking_client.flavours.saving import save
from tracking_client.models.model_info import ModelInfo

if TYPE_CHECKING:
    MlflowCallback: type
    from typing_extensions import Unpack

    from tracking_client.flavours.options import LogOptions, SaveOptions


def save_model(
    model: Any,
    path: str | PathLike[str],
    *,
    save_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[SaveOptions],
) -> None:
    """Saves a `keras.Model` as a `.keras` file in the new directory `path`.

    `save_model_kwargs` goes to Keras' `save()`. The options are those of all frameworks:
    docs/reference/models.md. Raises AlreadyExists where something is at `path`, InvalidArgument, OSError.
    """
    save(path, write_keras(model, save_model_kwargs), Saving(**options))


def log_model(
    model: Any,
    artifact_path: str | None = None,
    *,
    save_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a `keras.Model`, made by the active run if there is one; arguments as of `save_model`.

    It is called `name`; `artifact_path` is an older word for that. Raises InvalidArgument, ApiError,
    TransportError, ArtifactError, OSError.
    """
    return log(write_keras(model, save_model_kwargs), artifact_path, options)


def load_model(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    load_model_kwargs: Mapping[str, Any] | None = None,
    *,
    trusted: bool = False,
) -> Any:
    """The `keras.Model` at a path or URI, fetched into `dst_path` where that is given.

    `custom_objects` and `load_model_kwargs` go to Keras' `load_model()`. `trusted` allows code of the model
    to run, such as a Lambda layer's. Raises Unauthorized where it would, and is not allowed; NotFound,
    InvalidArgument, ApiError, TransportError, ArtifactError, OSError.
    """
    return load_keras(local_copy(model_uri, dst_path, trusted=trusted), custom_objects, load_model_kwargs)


def autolog(
    log_every_epoch: bool = True,
    log_every_n_steps: int | None = None,
    log_models: bool = True,
    log_model_signatures: bool = True,
    save_exported_model: bool = False,
    log_datasets: bool = True,
    log_input_examples: bool = False,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Logs every `model.fit` of Keras 3 from now on; arguments as MLflow's.

    `log_every_epoch=False` with `log_every_n_steps` logs metrics of every n-th batch. `exclusive` leaves the
    user's own runs alone. `silent` prints nothing. `save_exported_model` and `save_model_kwargs` are for
    logging the model.

    Raises ImportError without Keras, InvalidArgument with Keras 2 and for intervals that make no sense. What
    goes wrong while a training is logged is told on stderr and never raised.
    """
    from tracking_client.integrations.keras_autolog import KERAS, KerasAutologging, watch_keras

    options: dict[str, Any] = {"save_exported_model": True} if save_exported_model else {}
    if save_model_kwargs:
        options["save_model_kwargs"] = dict(save_model_kwargs)
    settings = KerasAutologging(
        library=KERAS,
        log_models=log_models,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        log_datasets=log_datasets,
        exclusive=exclusive,
        silent=silent,
        registered_model_name=registered_model_name,
        extra_tags=dict(extra_tags or {}),
        log_every_epoch=log_every_epoch,
        log_every_n_steps=log_every_n_steps,
        model_options=options,
    )
    watch_keras(settings, disable=disable, disable_for_unsupported_versions=disable_for_unsupported_versions)


__all__ = ["MlflowCallback", "autolog", "load_model", "log_model", "save_model"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The callback, which is derived from a class of Keras (PEP 562)."""
        if name != "MlflowCallback":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import keras

        from tracking_client.integrations.keras_autolog import KERAS, OPTIMIZER_PREFIXES
        from tracking_client.integrations.keras_callback import callback_class

        return callback_class(keras.callbacks.Callback, KERAS, OPTIMIZER_PREFIXES[KERAS])

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
