"""Keras 3: models as `.keras` files, or exported.

Layouts: MLflow's `keras`, for every backend, and `tensorflow`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.flavours.local_copy import LocalModel
from tracking_client.flavours.model_code import allow_code
from tracking_client.flavours.saved_model import (
    SavedModelPredictor,
    export,
    load_saved_model,
    saved_model_place,
)
from tracking_client.flavours.saving import Content
from tracking_client.models.code_paths import inside
from tracking_client.models.mlmodel_file import PYTHON_FUNCTION
from tracking_client.models.modules_used import modules_of_pickle
from tracking_client.models.pickles import dump_pickle, load_pickle
from tracking_client.models.trust import may_run_code, require_trust
from tracking_client.types.containers import is_frame, kind_of

KERAS, TENSORFLOW = "keras", "tensorflow"
_DATA = "data"
_FILE = "model.keras"
# In older ones a file can leave the safe mode: CVE-2025-1550, -8747, -9906, -12058.
_SAFE_SINCE = (3, 12)
_CUSTOM_OBJECTS = ("custom_objects.cloudpickle", "global_custom_objects.cloudpickle")
_BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch", "openvino": "openvino"}


def write_keras(
    model: Any, save_kwargs: Mapping[str, Any] | None, *, exported: bool = False
) -> Callable[[Path], Content]:
    """Writes a Keras model in the layout of `mlflow.keras`: its file, or `exported` as a SavedModel.

    Raises InvalidArgument for anything else.
    """
    keras = _keras()
    if not isinstance(model, keras.Model):
        raise InvalidArgument(f"A model of Keras is a keras.Model, not {kind_of(model)}")

    def write(directory: Path) -> Content:
        if exported:
            data = _new_data(directory, "keras")
            executable = export(model, directory / data / "model")
        else:
            data = _write_data(model, directory, save_kwargs, "keras")
            executable = [directory / data / _FILE]
        backend = keras.backend.backend()
        flavor = {
            "data": data,
            "keras_backend": backend,
            "keras_version": keras.__version__,
            "save_exported_model": exported,
        }
        return Content(
            flavors={PYTHON_FUNCTION: {"loader_module": "mlflow.keras"}, KERAS: flavor},
            distributions=["keras", "tensorflow" if exported else _BACKENDS.get(backend, backend), "numpy"],
            modules={"tensorflow" if exported else backend},
            predict=KerasPredictor(model).predict,
            executable=executable,
        )

    return write


def write_tensorflow(
    model: Any, custom_objects: Mapping[str, Any] | None, save_kwargs: Mapping[str, Any] | None
) -> Callable[[Path], Content]:
    """Writes a Keras model in the layout of `mlflow.tensorflow`. Raises InvalidArgument for anything else."""
    keras = _keras()
    import tensorflow as tf

    if not isinstance(model, keras.Model):
        raise InvalidArgument(f"A model of Keras is a keras.Model, not {kind_of(model)}")

    def write(directory: Path) -> Content:
        data = _write_data(model, directory, save_kwargs, "tensorflow.keras")
        (directory / data / "save_format.txt").write_text("tf", encoding="utf-8")
        executable = [directory / data / _FILE]
        modules = {"tensorflow"}
        if custom_objects:
            pickled = directory / data / _CUSTOM_OBJECTS[0]
            dump_pickle(dict(custom_objects), pickled)
            modules |= modules_of_pickle(pickled)
            executable.append(pickled)
        flavor = {"data": data, "keras_version": tf.__version__, "model_type": "keras", "save_format": "tf"}
        return Content(
            flavors={
                PYTHON_FUNCTION: {"data": data, "loader_module": "mlflow.tensorflow"},
                TENSORFLOW: flavor,
            },
            distributions=["tensorflow", "keras", *(["cloudpickle"] if custom_objects else [])],
            modules=modules,
            predict=KerasPredictor(model).predict,
            executable=executable,
        )

    return write


def _keras() -> Any:
    """Keras, with its backend. Raises InvalidArgument where they are not installed."""
    try:
        import keras
    except ImportError as error:
        raise InvalidArgument(
            f"Keras cannot be imported here: {error}. Install it and its backend, "
            "or name another in KERAS_BACKEND"
        ) from error
    return keras


def _new_data(directory: Path, module: str) -> str:
    data = directory / _DATA
    data.mkdir()
    (data / "keras_module.txt").write_text(module, encoding="utf-8")
    return _DATA


def _write_data(model: Any, directory: Path, save_kwargs: Mapping[str, Any] | None, module: str) -> str:
    data = _new_data(directory, module)
    model.save(directory / data / _FILE, **(save_kwargs or {}))
    return data


def load_keras(
    local: LocalModel,
    custom_objects: Mapping[str, Any] | None = None,
    load_kwargs: Mapping[str, Any] | None = None,
    saved_model_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """The model of a directory. What would run code in it is refused unless the model is trusted.

    What is kept as a SavedModel is what TensorFlow makes of it, with `saved_model_kwargs`.
    Raises Unauthorized, InvalidArgument.
    """
    flavor = _flavor_of(local)
    allow_code(local, flavor.get("code"))
    saved_model = saved_model_place(local, flavor)
    if saved_model is not None:
        return load_saved_model(local, saved_model, saved_model_kwargs)
    file = _file_of(local, flavor)
    keras = _keras()
    trusted = may_run_code(local.origin, [file])
    if file.suffix == ".h5" and not trusted:  # Keras has no safe mode for it
        require_trust(local.origin, "is a file of HDF5, which may hold code", [file])
    if not trusted and _version(keras) < _SAFE_SINCE:
        what = f"is opened by Keras {keras.__version__}, whose safe mode has holes (3.12 has none known)"
        require_trust(local.origin, what, [file])
    objects = {**_pickled_objects(local, file.parent), **(custom_objects or {})}
    try:
        return keras.saving.load_model(
            file, custom_objects=objects, **{"safe_mode": not trusted, **(load_kwargs or {})}
        )
    except Exception as error:
        if not trusted and ("safe_mode" in str(error) or "unsafe" in str(error)):
            require_trust(local.origin, "holds code (such as a Lambda layer)", [file])
        raise InvalidArgument(f"The model {local.origin.uri} cannot be loaded by Keras: {error}") from error


def _flavor_of(local: LocalModel) -> dict[str, Any]:
    return local.model.flavor(KERAS if KERAS in local.model.flavors else TENSORFLOW)


def _version(keras: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in str(keras.__version__).split(".")[:2] if part.isdecimal())


def _file_of(local: LocalModel, flavor: Mapping[str, Any]) -> Path:
    kind = flavor.get("model_type", "keras")
    if kind != "keras":
        raise InvalidArgument(f"The model is a {kind} of TensorFlow, which can be loaded with MLflow only")
    place = inside(local.directory, flavor.get("data", "model"))
    for name in (_FILE, "model.h5"):
        if (place / name).is_file():
            return place / name
    raise InvalidArgument(f"The model {local.origin.uri} holds no file of Keras 3 (model.keras or model.h5)")


def _pickled_objects(local: LocalModel, data: Path) -> dict[str, Any]:
    files = [data / name for name in _CUSTOM_OBJECTS if (data / name).is_file()]
    if files:
        require_trust(local.origin, "has custom objects in a pickle", files)
    return {name: item for file in files for name, item in load_pickle(file).items()}


class KerasPredictor:
    """A model of Keras, for `PyFuncModel`."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def get_raw_model(self) -> Any:
        """The model itself."""
        return self._model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002  # has no params
        """What the model gives: a table for a table, else an array, or what the model's outputs are in."""
        if is_frame(data):
            import pandas as pd

            return pd.DataFrame(self._model.predict(data.to_numpy(), verbose=0), index=data.index)
        return self._model.predict(data, verbose=0)


def keras_predictor(local: LocalModel) -> KerasPredictor | SavedModelPredictor:
    """The model of a directory, for `PyFuncModel`."""
    model = load_keras(local)
    is_graph = saved_model_place(local, _flavor_of(local)) is not None
    return SavedModelPredictor(model) if is_graph else KerasPredictor(model)


__all__ = [
    "KERAS",
    "TENSORFLOW",
    "KerasPredictor",
    "keras_predictor",
    "load_keras",
    "write_keras",
    "write_tensorflow",
]
