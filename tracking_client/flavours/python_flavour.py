"""Models that are Python: an instance of a class with `predict`, a function, or a file of code.

Layout: of MLflow's loaders `mlflow.pyfunc.model` (a pickle) and `mlflow.pyfunc.loaders.code_model` (code).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.flavours.local_copy import LocalModel, local_copy
from tracking_client.flavours.saving import Content
from tracking_client.models.code_model import model_of_code
from tracking_client.models.code_paths import inside
from tracking_client.models.mlmodel_file import PYTHON_FUNCTION
from tracking_client.models.modules_used import (
    modules_named_in_pickle,
    modules_of_pickle,
    modules_of_source,
)
from tracking_client.models.pickles import dump_pickle, load_pickle
from tracking_client.models.python_model import (
    FunctionModel,
    PredictHints,
    PythonModelContext,
    hints_of,
    takes,
)
from tracking_client.models.trust import require_trust
from tracking_client.models.type_hints import fitted_to_hint

PICKLED, FROM_CODE = "mlflow.pyfunc.model", "mlflow.pyfunc.loaders.code_model"
_ARTIFACTS = "artifacts"
_FILE = "python_model.pkl"


def write_python(
    python_model: Any,
    artifacts: Mapping[str, str | PathLike[str]] | None,
    model_config: Mapping[str, Any] | None,
    *,
    streamable: bool | None = None,
) -> Callable[[Path], Content]:
    """Writes the model: an object with `predict`, a function of one argument, or the path of a file of code.

    `artifacts` are files and directories (paths, or URIs of models), by the name that the model knows.
    Raises InvalidArgument.
    """
    if isinstance(python_model, type):
        raise InvalidArgument(f"Give an instance of {python_model.__name__}, not the class")
    is_code = isinstance(python_model, (str, PathLike))
    if not is_code and not callable(python_model) and not callable(getattr(python_model, "predict", None)):
        raise InvalidArgument(f"A model is a function, or has predict(); {python_model!r:.100} is neither")

    def write(directory: Path) -> Content:
        described = _copy_artifacts(artifacts or {}, directory)
        flavor: dict[str, Any] = {"streamable": bool(streamable)}
        if described:
            flavor[_ARTIFACTS] = described
        if model_config:
            flavor["config"] = dict(model_config)
        if is_code:
            file = _copy_code(Path(python_model), directory)
            model, modules = model_of_code(file), modules_of_source(file)
            needs = modules
            flavor |= {"loader_module": FROM_CODE, "model_code_path": file.name}
        else:
            file, model = directory / _FILE, python_model
            version = dump_pickle(_as_object(python_model), file)
            modules, needs = modules_of_pickle(file), modules_named_in_pickle(file)
            flavor |= {"loader_module": PICKLED, "python_model": _FILE, "cloudpickle_version": version}
        context = _context(described, directory, model_config)
        return Content(
            flavors={PYTHON_FUNCTION: flavor},
            distributions=[] if is_code else ["cloudpickle"],
            modules=modules,
            needs=needs,
            predict=_Lazy(_as_object(model), context).predict,
            hints=_hints_of_model(_as_object(model)),
            executable=[file],
        )

    return write


def python_predictor(local: LocalModel, model_config: Mapping[str, Any] | None = None) -> PythonPredictor:
    """The model of a directory, for `PyFuncModel`. Raises Unauthorized where it is not trusted."""
    flavor = local.model.flavor(PYTHON_FUNCTION)
    if "model_code_path" in flavor:
        file = inside(local.directory, Path(str(flavor["model_code_path"])).name)
        require_trust(local.origin, "is code", [file])
        model = model_of_code(file)
    else:
        file = inside(local.directory, flavor.get("python_model"))
        if flavor.get("python_model_compression"):
            raise InvalidArgument("The model's pickle is compressed, which can only be read by MLflow")
        require_trust(local.origin, "is a pickle", [file])
        model = load_pickle(file)
    config = {**(flavor.get("config") or {}), **(model_config or {})}
    context = _context(flavor.get(_ARTIFACTS) or {}, local.directory, config)
    model = _as_object(model)
    load_context(model, context)
    return PythonPredictor(model, context, checks_hints=local.model.is_signature_from_type_hint)


class PythonPredictor:
    """A Python model with its context, for `PyFuncModel`."""

    def __init__(self, python_model: Any, context: PythonModelContext, *, checks_hints: bool = False) -> None:
        self.python_model = python_model
        self.context = context
        self._hint = _hints_of_model(python_model).input
        self._checks_hints = checks_hints

    def unwrap_python_model(self) -> Any:
        """The object, or the function's wrapper, that was saved."""
        return self.python_model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """What the model gives for the data."""
        return self._called("predict", data, params)

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """What the model gives for the data, part by part."""
        return self._called("predict_stream", data, params)

    def _called(self, name: str, data: Any, params: dict[str, Any] | None) -> Any:
        method = getattr(self.python_model, name)
        keywords = {"params": params} if takes(method, "params") else {}
        fitted = as_hinted(data, self._hint)
        if self._checks_hints:
            fitted = fitted_to_hint(fitted, self._hint)
        if takes(method, "context"):
            return method(self.context, fitted, **keywords)
        return method(fitted, **keywords)


def _hints_of_model(model: Any) -> PredictHints:
    """The hints of `predict`, or of the function that the model is."""
    return hints_of(getattr(model, "func", getattr(model, "predict", None)))


class _Lazy:
    """The model as it is here, its context loaded with the first prediction only: the rest need none."""

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self._predictor = PythonPredictor(model, context)

    def predict(self, data: Any, params: dict[str, Any] | None) -> Any:
        load_context(self._predictor.python_model, self._predictor.context)
        return self._predictor.predict(data, params)


def load_context(model: Any, context: PythonModelContext) -> None:
    """Tells the model of its context, where it wants to know."""
    if callable(getattr(model, "load_context", None)):
        model.load_context(context)


def as_hinted(data: Any, hint: Any) -> Any:
    """The data as a list, where `predict` says that it takes one and a table was made of it."""
    from tracking_client.types.containers import is_frame

    if getattr(hint, "__origin__", None) is not list or not is_frame(data):
        return data
    if len(data.columns) == 1 and hint.__args__[0] in (str, int, float, bool, bytes):
        return data.iloc[:, 0].tolist()
    if list(data.columns) == [0]:
        return data.iloc[:, 0].tolist()
    return data.to_dict(orient="records")


def _as_object(model: Any) -> Any:
    return model if callable(getattr(model, "predict", None)) else FunctionModel(model)


def _context(
    described: Mapping[str, Any], directory: Path, config: Mapping[str, Any] | None
) -> PythonModelContext:
    paths = {name: str(inside(directory, item["path"])) for name, item in described.items()}
    return PythonModelContext(paths, dict(config or {}))


def _copy_code(source: Path, directory: Path) -> Path:
    if not source.is_file() or source.suffix != ".py":
        raise InvalidArgument(f"A model from code is a Python file, and '{source}' is none")
    return Path(shutil.copyfile(source, directory / source.name))


def _copy_artifacts(
    artifacts: Mapping[str, str | PathLike[str]], directory: Path
) -> dict[str, dict[str, str]]:
    """Copies the artifacts; returns their description in the MLmodel file."""
    described: dict[str, dict[str, str]] = {}
    for name, given in artifacts.items():
        source = local_copy(given).directory if _is_uri(given) else Path(given)
        if not source.exists():
            raise InvalidArgument(f"`artifacts`: {name!r} is '{given}', and there is no such file")
        relative = f"{_ARTIFACTS}/{source.resolve().name}"
        if (directory / relative).exists():
            relative = f"{_ARTIFACTS}/{len(described)}/{source.resolve().name}"
        target = directory / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
        described[str(name)] = {"path": relative, "uri": str(given)}
    return described


def _is_uri(given: str | PathLike[str]) -> bool:
    return isinstance(given, str) and ":/" in given


__all__ = ["FROM_CODE", "PICKLED", "PythonPredictor", "python_predictor", "write_python"]
