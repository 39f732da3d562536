"""`PyFuncModel`: a model of any framework, to predict with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.flavours.keras_flavour import keras_predictor
from tracking_client.flavours.loader_module import loaded_by
from tracking_client.flavours.local_copy import LocalModel, local_copy
from tracking_client.flavours.model_code import allow_code
from tracking_client.flavours.python_flavour import FROM_CODE, PICKLED, python_predictor
from tracking_client.flavours.sklearn_flavour import sklearn_predictor
from tracking_client.models.enforcement import enforce_params, enforce_schema
from tracking_client.models.input_example import load_input_example
from tracking_client.models.mlmodel_file import PYTHON_FUNCTION, Model
from tracking_client.models.python_model import takes

_LOADERS: Mapping[str, Callable[[LocalModel], Any]] = {
    "mlflow.sklearn": sklearn_predictor,
    "mlflow.keras": keras_predictor,
    "mlflow.tensorflow": keras_predictor,
}


class PyFuncModel:
    """A loaded model. What it is given to predict from is what its signature says, or an error.

    As thread-safe as the model itself.
    """

    def __init__(self, local: LocalModel, implementation: Any) -> None:
        self._local = local
        self._implementation = implementation

    @property
    def metadata(self) -> Model:
        """What the MLmodel file says."""
        return self._local.model

    @property
    def model_id(self) -> str | None:
        """The id of the logged model; None for one that was only saved."""
        return self._local.model.model_id

    @property
    def loader_module(self) -> str:
        """The module of MLflow that loads such models."""
        return str(self._local.model.flavor(PYTHON_FUNCTION).get("loader_module"))

    @property
    def input_example(self) -> Any:
        """The example that the model was saved with; None where there is none."""
        info = self.metadata.saved_input_example_info
        if info is None:
            return None
        try:
            return load_input_example(self._local.directory, info, self.metadata.get_input_schema())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidArgument(
                f"The input example of {self._local.origin.uri} cannot be read: {error}"
            ) from error

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """What the model gives for the data.

        The data is checked against the signature (see `models.enforce_schema`), and comes to the model as a
        DataFrame for a signature with columns, as an array, or a dict of arrays, for one of tensors; without
        a signature as it is. `params` are checked against the signature, whose defaults fill them up.
        Raises InvalidArgument, which names the column, what was expected and what was given.
        """
        return self._called("predict", data, params)

    def predict_stream(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """An iterator over the parts of a prediction. Raises InvalidArgument where the model has none."""
        if not self.metadata.flavor(PYTHON_FUNCTION).get("streamable"):
            raise InvalidArgument("The model was not saved as streamable: it has no predict_stream()")
        return self._called("predict_stream", data, params)

    def _called(self, name: str, data: Any, params: Mapping[str, Any] | None) -> Any:
        schema = self.metadata.get_input_schema()
        if schema is not None and not self.metadata.is_signature_from_type_hint:
            data = enforce_schema(data, schema)
        fitted = enforce_params(params, self.metadata.get_params_schema())
        method = getattr(self._implementation, name)
        return method(data, params=fitted) if takes(method, "params") else method(data)

    def unwrap_python_model(self) -> Any:
        """The object that was saved with `python_model=`. Raises InvalidArgument for other models."""
        if not hasattr(self._implementation, "unwrap_python_model"):
            raise InvalidArgument(f"The model is none of Python's own: it is loaded by {self.loader_module}")
        return self._implementation.unwrap_python_model()

    def get_raw_model(self) -> Any:
        """The model of its framework. Raises InvalidArgument where it has no such thing."""
        if not hasattr(self._implementation, "get_raw_model"):
            raise InvalidArgument(f"A model that is loaded by {self.loader_module} has no raw model")
        return self._implementation.get_raw_model()

    def __repr__(self) -> str:
        return f"<PyFuncModel {self._local.origin.uri}, loaded by {self.loader_module}>"


def load(
    model_uri: str | PathLike[str],
    dst_path: str | PathLike[str] | None,
    model_config: Mapping[str, Any] | None,
    *,
    trusted: bool,
) -> PyFuncModel:
    """Fetches and loads a model that has the flavor `python_function`."""
    local = local_copy(model_uri, dst_path, trusted=trusted)
    flavor = local.model.flavor(PYTHON_FUNCTION)
    loader = str(flavor.get("loader_module"))
    allow_code(local, flavor.get("code"))
    if loader in (PICKLED, FROM_CODE):
        return PyFuncModel(local, python_predictor(local, model_config))
    if loader not in _LOADERS:
        return PyFuncModel(local, loaded_by(loader, local, model_config))
    if model_config:
        warnings.warn(f"`model_config` is left out: {loader} takes none", UserWarning, stacklevel=3)
    return PyFuncModel(local, _LOADERS[loader](local))


__all__ = ["PyFuncModel", "load"]
