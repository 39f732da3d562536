"""TensorFlow's Keras, with the names of `mlflow.tensorflow`, also of what is logged. Imported when needed."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.flavours.keras_flavour import load_keras, write_tensorflow
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
    custom_objects: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[SaveOptions],
) -> None:
    """Saves a `keras.Model` as a `.keras` file in the new directory `path`.

    `custom_objects` are classes and functions that loading it needs; they are pickled beside it.
    `keras_model_kwargs` goes to Keras' `save()`. The options are those of all frameworks:
    docs/reference/models.md. Raises AlreadyExists where something is at `path`, InvalidArgument, OSError.
    """
    save(path, write_tensorflow(model, custom_objects, keras_model_kwargs), Saving(**options))


def log_model(
    model: Any,
    artifact_path: str | None = None,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a `keras.Model`, made by the active run if there is one; arguments as of `save_model`.

    It is called `name`; `artifact_path` is an older word for that. Raises InvalidArgument, ApiError,
    TransportError, ArtifactError, OSError.
    """
    return log(write_tensorflow(model, custom_objects, keras_model_kwargs), artifact_path, options)


def load_model(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    *,
    trusted: bool = False,
) -> Any:
    """The `keras.Model` at a path or URI, fetched into `dst_path` where that is given.

    `keras_model_kwargs` goes to Keras' `load_model()`, `custom_objects` among it. `trusted` allows code of
    the model to run, such as a Lambda layer's. Raises Unauthorized where it would, and is not allowed;
    NotFound, InvalidArgument, ApiError, TransportError, ArtifactError, OSError.
    """
    kwargs = dict(keras_model_kwargs or {})
    objects = kwargs.pop("custom_objects", None)
    return load_keras(local_copy(model_uri, dst_path, trusted=trusted), objects, kwargs)


def autolog(
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, str] | None = None,
    log_every_epoch: bool = True,
    log_every_n_steps: int | None = None,
) -> None:
    """Logs every `model.fit` of `tf.keras` from now on; arguments as MLflow's, see `tracking_client.keras`.

    Early stopping is logged as well. Checkpoints and TensorBoard's files are not stored: MLflow's
    `checkpoint…` arguments are not there. Raises ImportError without Keras, InvalidArgument with Keras 2 and
    for intervals that make no sense.
    """
    from tracking_client.integrations.keras_autolog import TENSORFLOW, KerasAutologging, watch_keras

    given = {"saved_model_kwargs": saved_model_kwargs, "keras_model_kwargs": keras_model_kwargs}
    settings = KerasAutologging(
        library=TENSORFLOW,
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
        model_options={name: dict(value) for name, value in given.items() if value},
    )
    watch_keras(settings, disable=disable, disable_for_unsupported_versions=disable_for_unsupported_versions)


__all__ = ["MlflowCallback", "autolog", "load_model", "log_model", "save_model"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The callback, which is derived from a class of the Keras that TensorFlow uses (PEP 562)."""
        if name != "MlflowCallback":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import tensorflow as tf

        from tracking_client.integrations.keras_autolog import OPTIMIZER_PREFIXES, TENSORFLOW
        from tracking_client.integrations.keras_callback import callback_class

        base = tf.keras.callbacks.Callback
        return callback_class(base, TENSORFLOW, OPTIMIZER_PREFIXES[TENSORFLOW])

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
