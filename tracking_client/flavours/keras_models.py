"""The functions of `tracking_client.keras`. Keras is imported when it is needed."""

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
    from typing_extensions import Unpack

    from tracking_client.flavours.options import LogOptions, SaveOptions


def save_model(
    model: Any,
    path: str | PathLike[str],
    *,
    save_exported_model: bool = False,
    save_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[SaveOptions],
) -> None:
    """Saves a `keras.Model` as a `.keras` file in the new directory `path`.

    With `save_exported_model` it is a SavedModel of TensorFlow instead: a graph that is called without Keras.
    `save_model_kwargs` goes to Keras' `save()`. The options are those of all frameworks:
    docs/reference/models.md. Raises AlreadyExists where something is at `path`, InvalidArgument, OSError.
    """
    write = write_keras(model, save_model_kwargs, exported=save_exported_model)
    save(path, write, Saving(**options))


def log_model(
    model: Any,
    artifact_path: str | None = None,
    *,
    save_exported_model: bool = False,
    save_model_kwargs: Mapping[str, Any] | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a `keras.Model`, made by the active run if there is one; arguments as of `save_model`.

    It is called `name`; `artifact_path` is an older word for that. Raises InvalidArgument, ApiError,
    TransportError, ArtifactError, OSError.
    """
    write = write_keras(model, save_model_kwargs, exported=save_exported_model)
    return log(write, artifact_path, options)


def load_model(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    load_model_kwargs: Mapping[str, Any] | None = None,
    *,
    trusted: bool = False,
) -> Any:
    """The `keras.Model` at a path or URI, fetched into `dst_path` where that is given.

    An exported one is what TensorFlow makes of a SavedModel: it has `serve()`, and must be trusted.
    `custom_objects` and `load_model_kwargs` go to Keras' `load_model()`. `trusted` allows code of the model
    to run, such as a Lambda layer's. Raises Unauthorized where it would, and is not allowed; NotFound,
    InvalidArgument, ApiError, TransportError, ArtifactError, OSError.
    """
    return load_keras(local_copy(model_uri, dst_path, trusted=trusted), custom_objects, load_model_kwargs)


__all__ = ["load_model", "log_model", "save_model"]
