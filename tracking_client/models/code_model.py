"""Models from code: a Python file that calls `set_model` with the model that it makes."""

from __future__ import annotations

import importlib.util
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument

_set_by = threading.local()
# Where MLflow keeps what a file gave to its set_model(); read and written only where it is loaded.
_MLFLOW_MODULE = "mlflow.models.model"
_MLFLOW_NAME = "__mlflow_model__"


def set_model(model: Any) -> None:
    """Says which model a file of code is: a `PythonModel` or a function. Raises InvalidArgument."""
    if not callable(model) and not callable(getattr(model, "predict", None)):
        raise InvalidArgument(f"A model is a function, or has predict(); {model!r:.100} is neither")
    _set_by.model = model
    if _MLFLOW_MODULE in sys.modules:  # MLflow executes this file, or another that imported it
        setattr(sys.modules[_MLFLOW_MODULE], _MLFLOW_NAME, model)


def model_of_code(path: Path) -> Any:
    """Executes the file and returns the model that it sets. Raises InvalidArgument where it sets none."""
    _set_by.model = None
    _forget_in_mlflow()
    name = f"code_model_{uuid.uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidArgument(f"A model from code is a Python file, not '{path}'")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InvalidArgument(f"The code of the model, '{path}', failed: {error!r}") from error
    model = getattr(_set_by, "model", None)
    if model is None and _MLFLOW_MODULE in sys.modules:
        model = getattr(sys.modules[_MLFLOW_MODULE], _MLFLOW_NAME, None)
    if model is None:
        raise InvalidArgument(f"The code of the model, '{path}', does not call models.set_model()")
    return model


def _forget_in_mlflow() -> None:
    if _MLFLOW_MODULE in sys.modules:
        setattr(sys.modules[_MLFLOW_MODULE], _MLFLOW_NAME, None)


__all__ = ["model_of_code", "set_model"]
