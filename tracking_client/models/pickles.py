"""Pickles of models: written to need nothing of ours, read to need nothing of MLflow's."""

from __future__ import annotations

import importlib.util
import pickle
import threading
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models import python_model

_OF_MLFLOW = {
    "PythonModel": python_model.PythonModel,
    "PythonModelContext": python_model.PythonModelContext,
    "_FunctionPythonModel": python_model.FunctionModel,
}
_by_value = threading.Lock()


def dump_pickle(value: Any, path: Path, *, plain: bool = False) -> str | None:
    """Writes the value with cloudpickle; returns its version. `plain` is pickle of the standard library.

    Raises InvalidArgument for a value that cannot be pickled, or where cloudpickle is not installed.
    """
    try:
        if plain:
            path.write_bytes(pickle.dumps(value, protocol=4))
            return None
        return _dump_with_cloudpickle(value, path)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidArgument(f"The model cannot be pickled: {error}") from error


def _dump_with_cloudpickle(value: Any, path: Path) -> str:
    try:
        import cloudpickle
    except ImportError:
        raise InvalidArgument("Saving this model needs cloudpickle: pip install cloudpickle") from None
    with _by_value:
        cloudpickle.register_pickle_by_value(python_model)
        try:
            path.write_bytes(cloudpickle.dumps(value))
        finally:
            cloudpickle.unregister_pickle_by_value(python_model)
    return str(cloudpickle.__version__)


def load_pickle(path: Path) -> Any:
    """What the pickle holds; it may have been written by MLflow. Only for files that are trusted.

    Raises InvalidArgument where it cannot be read here, which mostly means that something is not installed.
    """
    try:
        with path.open("rb") as file:
            return _Unpickler(file).load()
    except Exception as error:
        raise InvalidArgument(
            f"'{path.name}' of the model cannot be read here: {error!r}. Its requirements.txt says what "
            "must be installed"
        ) from error


class _Unpickler(pickle.Unpickler):  # callers have asked models.trust
    """Has our classes in the place of MLflow's where MLflow is not installed."""

    def find_class(self, module: str, name: str, /) -> Any:
        """The class or function that the pickle names."""
        ours = _OF_MLFLOW.get(name) if module in ("mlflow.pyfunc", "mlflow.pyfunc.model") else None
        if ours is not None and importlib.util.find_spec("mlflow") is None:
            return ours
        return super().find_class(module, name)


__all__ = ["dump_pickle", "load_pickle"]
