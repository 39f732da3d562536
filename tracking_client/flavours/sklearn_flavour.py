"""scikit-learn models in the format of skops, which runs no code, or as pickles. Layout: `mlflow.sklearn`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument, Unauthorized
from tracking_client.flavours.local_copy import LocalModel
from tracking_client.flavours.model_code import allow_code
from tracking_client.flavours.saving import Content
from tracking_client.models.code_paths import inside
from tracking_client.models.mlmodel_file import PYTHON_FUNCTION
from tracking_client.models.modules_used import (
    modules_named_in_pickle,
    modules_of_pickle,
    modules_of_skops,
)
from tracking_client.models.pickles import dump_pickle, load_pickle
from tracking_client.models.trust import require_trust

SKLEARN = "sklearn"
SKOPS, CLOUDPICKLE, PICKLE = "skops", "cloudpickle", "pickle"
_FORMATS = (SKOPS, CLOUDPICKLE, PICKLE)


def write_sklearn(
    sk_model: Any,
    serialization_format: str | None,
    pyfunc_predict_fn: str,
    skops_trusted_types: Sequence[str] | None,
) -> Callable[[Path], Content]:
    """Writes the model in the format, by default in skops where that can hold it, else with cloudpickle."""
    if serialization_format not in (None, *_FORMATS):
        known = ", ".join(_FORMATS)
        raise InvalidArgument(f"Unknown serialization format {serialization_format!r}; there are: {known}")
    if isinstance(sk_model, type) or not callable(getattr(sk_model, pyfunc_predict_fn, None)):
        raise InvalidArgument(f"The model, {type(sk_model).__name__}, has no {pyfunc_predict_fn}()")
    trusted = None if skops_trusted_types is None else list(skops_trusted_types)

    def write(directory: Path) -> Content:
        used, file = _dump(sk_model, directory, serialization_format, trusted)
        described = {"pickled_model": file.name, "serialization_format": used, "skops_trusted_types": trusted}
        return Content(
            flavors={
                PYTHON_FUNCTION: {
                    "loader_module": "mlflow.sklearn",
                    "model_path": file.name,
                    "predict_fn": pyfunc_predict_fn,
                },
                SKLEARN: {**described, "sklearn_version": _version()},
            },
            distributions=["scikit-learn", *([used] if used != PICKLE else [])],
            modules=set() if used == SKOPS else modules_of_pickle(file),
            needs=modules_of_skops(file) if used == SKOPS else modules_named_in_pickle(file),
            predict=lambda data, _params: getattr(sk_model, pyfunc_predict_fn)(data),
            executable=[file],
        )

    return write


def _dump(sk_model: Any, directory: Path, wanted: str | None, trusted: list[str] | None) -> tuple[str, Path]:
    """Writes the file; returns the format that it has, and the file."""
    if wanted in (None, SKOPS):
        file = directory / "model.skops"
        problem = _dump_skops(sk_model, file, trusted)
        if problem is None:
            return SKOPS, file
        file.unlink(missing_ok=True)
        if wanted == SKOPS or trusted is not None:
            raise InvalidArgument(f"The model cannot be kept in the format of skops: {problem}")
    used, file = wanted or CLOUDPICKLE, directory / "model.pkl"
    dump_pickle(sk_model, file, plain=used == PICKLE)
    return used, file


def _dump_skops(sk_model: Any, file: Path, trusted: list[str] | None) -> str | None:
    """Writes the file and reads it again; returns why that cannot be done."""
    try:
        import skops.io
    except ImportError:
        return "skops is not installed (pip install skops)"
    try:
        skops.io.dump(sk_model, file)
        strange = sorted(set(skops.io.get_untrusted_types(file=file)) - set(trusted or ()))
        if strange:
            return (
                f"it holds {', '.join(strange)}, which skops does not know: name them in "
                "`skops_trusted_types`, or use the format cloudpickle"
            )
        skops.io.load(file, trusted=trusted)
    except Exception as error:  # noqa: BLE001  # skops raises whatever the foreign type's methods do
        return f"{type(error).__name__}: {error}"
    return None


def load_sklearn(local: LocalModel) -> Any:
    """The model of a directory. Raises Unauthorized where it may not be opened, InvalidArgument."""
    flavor = local.model.flavor(SKLEARN)
    file = inside(local.directory, flavor.get("pickled_model"))
    allow_code(local, flavor.get("code"))
    if flavor.get("serialization_format", PICKLE) == SKOPS:
        return _load_skops(local, file)
    require_trust(local.origin, "is a pickle", [file])
    return load_pickle(file)


def _load_skops(local: LocalModel, file: Path) -> Any:
    """The model of a file of skops. Which types it may have is not for the model itself to say."""
    try:
        import skops.io
    except ImportError:
        raise InvalidArgument("The model is in the format of skops: pip install skops") from None
    try:
        strange = sorted(skops.io.get_untrusted_types(file=file))
        if strange:
            what = f"holds {', '.join(strange)}, which skops does not know to be safe"
            require_trust(local.origin, what, [file])
        return skops.io.load(file, trusted=strange)
    except Unauthorized:
        raise
    except Exception as error:
        raise InvalidArgument(
            f"'{file.name}' of the model cannot be read here: {error!r}. Its requirements.txt says what "
            "must be installed"
        ) from error


class SklearnPredictor:
    """A model of scikit-learn, for `PyFuncModel`."""

    def __init__(self, model: Any, predict_fn: str) -> None:
        if predict_fn.startswith("_") or not callable(getattr(model, predict_fn, None)):
            raise InvalidArgument(f"The model, {type(model).__name__}, has no {predict_fn}()")
        self._model = model
        self._predict = getattr(model, predict_fn)

    def get_raw_model(self) -> Any:
        """The model itself."""
        return self._model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002  # has no params
        """What the model gives for the data."""
        return self._predict(data)


def sklearn_predictor(local: LocalModel) -> SklearnPredictor:
    """The model of a directory, for `PyFuncModel`."""
    predict_fn = str(local.model.flavor(PYTHON_FUNCTION).get("predict_fn", "predict"))
    return SklearnPredictor(load_sklearn(local), predict_fn)


def _version() -> str:
    import sklearn

    return str(sklearn.__version__)


__all__ = ["SKLEARN", "load_sklearn", "sklearn_predictor", "write_sklearn"]
