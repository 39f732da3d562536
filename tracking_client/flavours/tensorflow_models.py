"""The functions of `tracking_client.tensorflow`. TensorFlow is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.flavours.keras_flavour import load_keras, write_tensorflow
from tracking_client.flavours.local_copy import local_copy
from tracking_client.flavours.logging import log
from tracking_client.flavours.options import Saving
from tracking_client.flavours.saved_model import tensorflow, write_module
from tracking_client.flavours.saving import Write, save
from tracking_client.models.model_info import ModelInfo

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tracking_client.flavours.options import LogOptions, SaveOptions


def save_model(
    model: Any,
    path: str | PathLike[str],
    *,
    custom_objects: Mapping[str, Any] | None = None,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[SaveOptions],
) -> None:
    """Saves a `keras.Model` as a `.keras` file, a `tf.Module` as a SavedModel, in the new directory `path`.

    `custom_objects` are classes and functions that loading a Keras model needs; they are pickled beside it.
    `keras_model_kwargs` goes to Keras' `save()`, `saved_model_kwargs` to `tf.saved_model.save()`. The options
    are those of all frameworks: docs/reference/models.md.
    Raises AlreadyExists where something is at `path`, InvalidArgument, OSError.
    """
    write = _write(model, custom_objects, saved_model_kwargs, keras_model_kwargs)
    save(path, write, Saving(**options))


def log_model(
    model: Any,
    artifact_path: str | None = None,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a `keras.Model` or a `tf.Module`, made by the active run if any; arguments as of `save_model`.

    It is called `name`; `artifact_path` is an older word for that. Raises InvalidArgument, ApiError,
    TransportError, ArtifactError, OSError.
    """
    write = _write(model, custom_objects, saved_model_kwargs, keras_model_kwargs)
    return log(write, artifact_path, options)


def _write(
    model: Any,
    custom_objects: Mapping[str, Any] | None,
    saved_model_kwargs: Mapping[str, Any] | None,
    keras_model_kwargs: Mapping[str, Any] | None,
) -> Write:
    keras = tensorflow().keras
    if isinstance(model, keras.Model):  # is a tf.Module too
        return write_tensorflow(model, custom_objects, keras_model_kwargs)
    return write_module(model, saved_model_kwargs)


def load_model(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None = None,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    *,
    trusted: bool = False,
) -> Any:
    """The `keras.Model` or the SavedModel at a path or URI, fetched into `dst_path` where that is given.

    `keras_model_kwargs` goes to Keras' `load_model()`, `custom_objects` among it; `saved_model_kwargs` to
    `tf.saved_model.load()`. `trusted` allows code of the model to run, such as a Lambda layer's or a
    SavedModel's graph. Raises Unauthorized where it would, and is not allowed; NotFound, InvalidArgument,
    ApiError, TransportError, ArtifactError, OSError.
    """
    kwargs = dict(keras_model_kwargs or {})
    objects = kwargs.pop("custom_objects", None)
    return load_keras(local_copy(model_uri, dst_path, trusted=trusted), objects, kwargs, saved_model_kwargs)


__all__ = ["load_model", "log_model", "save_model"]
