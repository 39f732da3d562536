"""The functions of `tracking_client.sklearn`. scikit-learn is imported when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.flavours.local_copy import local_copy
from tracking_client.flavours.logging import log
from tracking_client.flavours.options import Saving
from tracking_client.flavours.saving import save
from tracking_client.flavours.sklearn_flavour import load_sklearn, write_sklearn
from tracking_client.models.model_info import ModelInfo

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tracking_client.flavours.options import LogOptions, SaveOptions


def save_model(
    sk_model: Any,
    path: str | PathLike[str],
    *,
    serialization_format: str | None = None,
    pyfunc_predict_fn: str = "predict",
    skops_trusted_types: Sequence[str] | None = None,
    **options: Unpack[SaveOptions],
) -> None:
    """Saves a model in the new directory `path`.

    `serialization_format` is "skops", whose files run no code, "cloudpickle" or "pickle"; by default skops,
    and cloudpickle for a model that skops cannot hold or where it is not installed. `skops_trusted_types`
    names types of the model's own that skops may keep. `pyfunc_predict_fn` is what `pyfunc` predicts with,
    such as "predict_proba". The options are those of all frameworks: docs/reference/models.md.
    Raises AlreadyExists where something is at `path`, InvalidArgument, OSError.
    """
    write = write_sklearn(sk_model, serialization_format, pyfunc_predict_fn, skops_trusted_types)
    save(path, write, Saving(**options))


def log_model(
    sk_model: Any,
    artifact_path: str | None = None,
    *,
    serialization_format: str | None = None,
    pyfunc_predict_fn: str = "predict",
    skops_trusted_types: Sequence[str] | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a model, made by the active run if there is one; arguments as of `save_model`.

    It is called `name`; `artifact_path` is an older word for that. Raises InvalidArgument, ApiError,
    TransportError, ArtifactError, OSError.
    """
    write = write_sklearn(sk_model, serialization_format, pyfunc_predict_fn, skops_trusted_types)
    return log(write, artifact_path, options)


def load_model(
    model_uri: str | PathLike[str], dst_path: str | PathLike[str] | None = None, *, trusted: bool = False
) -> Any:
    """The model at a path or URI, fetched into `dst_path` where that is given.

    `trusted` allows code of the model to run: a pickle, types that skops does not know, code that it brings.
    Raises Unauthorized where it would, and is not allowed; NotFound, InvalidArgument, ApiError,
    TransportError, ArtifactError, OSError.
    """
    return load_sklearn(local_copy(model_uri, dst_path, trusted=trusted))


__all__ = ["load_model", "log_model", "save_model"]
