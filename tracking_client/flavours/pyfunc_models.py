"""The functions of `tracking_client.pyfunc`: models to predict with, whatever they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.flavours import pyfunc_model
from tracking_client.flavours.loader_module import write_loaded_by
from tracking_client.flavours.logging import log
from tracking_client.flavours.options import Saving
from tracking_client.flavours.pyfunc_model import PyFuncModel
from tracking_client.flavours.python_flavour import write_python
from tracking_client.flavours.saving import Write, save
from tracking_client.models.model_info import ModelInfo
from tracking_client.models.python_model import PythonModel, PythonModelContext

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tracking_client.flavours.options import LogOptions, SaveOptions


def save_model(
    path: str | PathLike[str],
    *,
    python_model: Any = None,
    loader_module: str | None = None,
    data_path: str | PathLike[str] | None = None,
    artifacts: Mapping[str, str | PathLike[str]] | None = None,
    model_config: Mapping[str, Any] | None = None,
    streamable: bool | None = None,
    **options: Unpack[SaveOptions],
) -> None:
    """Saves a Python model in the new directory `path`.

    `python_model` is an object with `predict`, mostly of a subclass of `PythonModel`; a function of one
    argument; or the path of a Python file that calls `models.set_model`, which is executed. `artifacts` are
    files and directories by the name that the model finds them by in `context.artifacts`, `model_config` is
    its `context.model_config`. Instead of a model, `loader_module` names a module, mostly among the
    `code_paths`, whose `_load_pyfunc(path)` makes one of a copy of the file or directory `data_path`.
    `streamable` says that it has `predict_stream`. The options are those of all frameworks:
    docs/reference/models.md.
    Raises AlreadyExists where something is at `path`, InvalidArgument, OSError.
    """
    write = _write(python_model, loader_module, data_path, artifacts, model_config, streamable)
    save(path, write, Saving(**options))


def log_model(
    artifact_path: str | None = None,
    *,
    python_model: Any = None,
    loader_module: str | None = None,
    data_path: str | PathLike[str] | None = None,
    artifacts: Mapping[str, str | PathLike[str]] | None = None,
    model_config: Mapping[str, Any] | None = None,
    streamable: bool | None = None,
    **options: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a Python model, made by the active run if there is one; arguments as of `save_model`.

    It is called `name`; `artifact_path` is an older word for that. Raises InvalidArgument, ApiError,
    TransportError, ArtifactError, OSError.
    """
    write = _write(python_model, loader_module, data_path, artifacts, model_config, streamable)
    return log(write, artifact_path, options)


def _write(
    python_model: Any,
    loader_module: str | None,
    data_path: str | PathLike[str] | None,
    artifacts: Mapping[str, str | PathLike[str]] | None,
    model_config: Mapping[str, Any] | None,
    streamable: bool | None,
) -> Write:
    if loader_module is None and data_path is None:
        return write_python(python_model, artifacts, model_config, streamable=streamable)
    if python_model is not None or artifacts is not None or loader_module is None:
        raise InvalidArgument(
            "Give `python_model` and `artifacts`, or `loader_module` and `data_path`, not both"
        )
    return write_loaded_by(loader_module, data_path, model_config, streamable=streamable)


def load_model(
    model_uri: str | PathLike[str],
    suppress_warnings: bool = False,  # noqa: ARG001  # MLflow's argument: there are none to suppress
    dst_path: str | PathLike[str] | None = None,
    model_config: Mapping[str, Any] | None = None,
    *,
    trusted: bool = False,
) -> PyFuncModel:
    """The model at a path or URI, of any framework, fetched into `dst_path` where that is given.

    `model_config` overrides what the model was saved with. `trusted` allows code of the model to run, as all
    Python models need. Raises Unauthorized where it would, and is not allowed; NotFound, InvalidArgument,
    ApiError, TransportError, ArtifactError, OSError.
    """
    return pyfunc_model.load(model_uri, dst_path, model_config, trusted=trusted)


__all__ = [
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "load_model",
    "log_model",
    "save_model",
]
