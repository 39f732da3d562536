"""SavedModels of TensorFlow: graphs that need no Python code to be called.

A `tf.Module` is kept as one (layout: `mlflow.tensorflow`, model type `tf2-module`); a Keras model may be
exported as one (layout: `mlflow.keras` with `save_exported_model`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.flavours.local_copy import LocalModel
from tracking_client.flavours.saving import Content
from tracking_client.models.code_paths import inside
from tracking_client.models.mlmodel_file import PYTHON_FUNCTION
from tracking_client.models.trust import require_trust
from tracking_client.types.containers import is_array, is_frame, kind_of

MODULE_TYPE = "tf2-module"
_MODULE_PLACE = "tf2model"


def write_module(model: Any, saved_model_kwargs: Mapping[str, Any] | None) -> Callable[[Path], Content]:
    """Writes a `tf.Module` in the layout of `mlflow.tensorflow`. Raises InvalidArgument for anything else."""
    tf = tensorflow()
    if not isinstance(model, tf.Module):
        raise InvalidArgument(f"A model of TensorFlow is a keras.Model or a tf.Module, not {kind_of(model)}")

    def write(directory: Path) -> Content:
        place = directory / _MODULE_PLACE
        try:
            tf.saved_model.save(model, str(place), **(saved_model_kwargs or {}))
        except (ValueError, TypeError) as error:
            raise InvalidArgument(f"The module cannot be saved by TensorFlow: {error}") from error
        return Content(
            flavors={
                PYTHON_FUNCTION: {"loader_module": "mlflow.tensorflow"},
                "tensorflow": {"model_type": MODULE_TYPE, "saved_model_dir": _MODULE_PLACE},
            },
            distributions=["tensorflow"],
            modules={"tensorflow"},
            predict=SavedModelPredictor(model).predict,
            executable=_files(place),
        )

    return write


def export(model: Any, place: Path) -> list[Path]:
    """Exports a Keras model, to be called as `serve`; returns its files. Raises InvalidArgument."""
    tensorflow()
    try:
        model.export(str(place), verbose=False)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InvalidArgument(f"The model cannot be exported by Keras: {error}") from error
    return _files(place)


def saved_model_place(local: LocalModel, flavor: Mapping[str, Any]) -> Path | None:
    """The directory of the SavedModel that a flavor is about; None where it is about something else."""
    if flavor.get("model_type") == MODULE_TYPE:
        return inside(local.directory, flavor.get("saved_model_dir"))
    if flavor.get("save_exported_model"):
        return inside(local.directory, flavor.get("data", "data")) / "model"
    return None


def load_saved_model(local: LocalModel, place: Path, load_kwargs: Mapping[str, Any] | None = None) -> Any:
    """What TensorFlow makes of the directory. Its graph may read and write files, so it must be trusted.

    Raises Unauthorized, InvalidArgument.
    """
    require_trust(local.origin, "is a SavedModel, whose graph may read and write files", _files(place))
    tf = tensorflow()
    try:
        return tf.saved_model.load(str(place), **(load_kwargs or {}))
    except Exception as error:
        raise InvalidArgument(
            f"The model {local.origin.uri} cannot be loaded by TensorFlow: {error}"
        ) from error


def tensorflow() -> Any:
    """TensorFlow. Raises InvalidArgument where it is not installed."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise InvalidArgument(f"TensorFlow cannot be imported here: {error}. Install it") from error
    return tf


def _files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


class SavedModelPredictor:
    """A graph of TensorFlow, for `PyFuncModel`."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._call = getattr(model, "serve", model)
        if not callable(self._call):
            raise InvalidArgument("The SavedModel has neither serve() nor __call__() to predict with")

    def get_raw_model(self) -> Any:
        """What TensorFlow loaded."""
        return self._model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002  # has no params
        """What the graph gives, in arrays: a table for a table."""
        if is_frame(data):
            import pandas as pd

            return pd.DataFrame(_arrays(self._call(_tensors(data.to_numpy()))), index=data.index)
        return _arrays(self._call(_tensors(data)))


def _tensors(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _tensors(item) for name, item in data.items()}
    return tensorflow().convert_to_tensor(data) if is_array(data) or isinstance(data, list) else data


def _arrays(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: _arrays(item) for name, item in given.items()}
    if isinstance(given, (list, tuple)):
        return [_arrays(item) for item in given]
    return given.numpy() if hasattr(given, "numpy") else given


__all__ = [
    "MODULE_TYPE",
    "SavedModelPredictor",
    "export",
    "load_saved_model",
    "saved_model_place",
    "tensorflow",
    "write_module",
]
