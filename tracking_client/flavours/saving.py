"""Saving a model: what is the same for every framework. The directory appears when it is complete."""

from __future__ import annotations

import copy
import platform
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from tracking_client.errors import AlreadyExists, InvalidArgument, TrackingError
from tracking_client.flavours.hinted_signature import signature_of_hints
from tracking_client.flavours.options import Saving
from tracking_client.models import trust
from tracking_client.models.code_paths import code_files, copy_code
from tracking_client.models.enforcement import enforce_schema
from tracking_client.models.environment_files import ENV, write_environment
from tracking_client.models.inference import infer_param_schema
from tracking_client.models.input_example import InputExample
from tracking_client.models.mlmodel_file import MLMODEL, PYTHON_FUNCTION, Model
from tracking_client.models.modules_used import modules_of_source
from tracking_client.models.python_model import PredictHints
from tracking_client.models.requirements import of_no_distribution, pinned
from tracking_client.models.signature import ModelSignature, infer_signature
from tracking_client.types.containers import is_array
from tracking_client.types.schema import Schema

_EXTRA_FILES = "extra_files"


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a framework wrote into a model's directory.

    `flavors` is for the MLmodel file; the flavor `python_function` gets what all have. Loading needs the
    `distributions` and the `modules`, those in `needs` for sure: the user is told where nothing installed
    brings one. `predict` (data, params) is the model, to infer what it gives; `hints` are the types that it
    says it takes and gives. `executable` are the files whose opening runs code.
    """

    flavors: dict[str, dict[str, Any]]
    distributions: Sequence[str]
    modules: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    predict: Callable[[Any, dict[str, Any] | None], Any] | None = None
    hints: PredictHints = field(default_factory=PredictHints)
    executable: Sequence[Path] = ()


Write = Callable[[Path], Content]


def save(path: str | PathLike[str], write: Write, saving: Saving) -> Model:
    """Makes the directory `path` of what `write` puts into it, and of the options.

    Raises AlreadyExists where something is there, InvalidArgument, OSError; nothing is left then.
    """
    target = Path(path)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise AlreadyExists(
            f"Path '{target}' already exists and is not empty: choose another, or remove it",
            status=400,
            code="RESOURCE_ALREADY_EXISTS",
        )
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.absolute().parent) as beside:
        directory = Path(beside, "model")
        directory.mkdir()
        model = _fill(directory, write, saving)
        directory.replace(target)
    return model


def _fill(directory: Path, write: Write, saving: Saving) -> Model:
    code = copy_code(saving.code_paths, directory)
    content = write(directory)
    model = Model(metadata=saving.metadata)
    example = None if saving.input_example is None else InputExample.of(saving.input_example)
    if example is not None:
        model.saved_input_example_info = example.save(directory)
    model.signature = hinted = signature_of_hints(saving.signature, example, content.hints, content.predict)
    if hinted is None:
        model.signature = _signature(saving.signature, example, content)
    else:
        model.is_signature_from_type_hint = True
    extra = _copy_extra_files(saving.extra_files or (), directory)
    for name, params in content.flavors.items():
        is_common = name == PYTHON_FUNCTION
        described = _python_function(params, code) if is_common else {**params, "code": code, **extra}
        model.add_flavor(name, **described)
    model.model_size_bytes = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    own_code = modules_of_source(directory / code) if code else set()
    write_environment(
        directory,
        _requirements(content, own_code, directory, code, model.signature),
        pip_requirements=saving.pip_requirements,
        extra_pip_requirements=saving.extra_pip_requirements,
        conda_env=saving.conda_env,
    )
    model.save(directory / MLMODEL)
    trust.remember([*content.executable, *code_files(directory, code)])
    return model


def _python_function(params: dict[str, Any], code: str | None) -> dict[str, Any]:
    common = {"env": dict(ENV), "python_version": platform.python_version()}
    return {**common, **params, **({} if code is None else {"code": code})}


def _requirements(
    content: Content, own_code: set[str], directory: Path, code: str | None, signature: ModelSignature | None
) -> list[str]:
    modules = content.modules | own_code
    travelling = {path.stem for path in (directory / code).iterdir()} if code else set()
    left_behind = of_no_distribution(content.needs | own_code) - travelling
    if left_behind:
        warnings.warn(
            f"The model needs {', '.join(sorted(left_behind))}, which no installed package brings: it can be "
            "loaded elsewhere only if you give the code of it as `code_paths`",
            UserWarning,
            stacklevel=6,
        )
    tables = signature is not None and signature.inputs is not None and not signature.inputs.is_tensor_spec()
    return pinned([*content.distributions, *(["pandas"] if tables else [])], modules | content.needs)


def _signature(given: Any, example: InputExample | None, content: Content) -> ModelSignature | None:
    if isinstance(given, ModelSignature):
        return given
    if given is not None and given is not False:
        return _of_mlflow(given)
    if given is False or example is None or content.predict is None:
        return None
    try:
        inputs = infer_signature(example.data).inputs
        assert inputs is not None
        params = None if not example.params else dict(example.params)
        data = enforce_schema(copy.deepcopy(example.data), inputs)  # models may change what they are given
        output = _as_column(content.predict(data, params), inputs)
        outputs = None if output is None else infer_signature(None, output).outputs
        schema = None if params is None else infer_param_schema(params)
        return ModelSignature(inputs=inputs, outputs=outputs, params=schema)
    except Exception as error:  # noqa: BLE001  # the model is the user's code: whatever it raises, it can be saved
        reason = error.message if isinstance(error, TrackingError) else repr(error)
        warnings.warn(
            f"The model has no signature, as it gave nothing for the input example: {reason}",
            UserWarning,
            stacklevel=5,
        )
        return None


def _of_mlflow(given: Any) -> ModelSignature:
    """A signature that MLflow's own functions made, which say the same. Raises InvalidArgument."""
    described = given.to_dict() if hasattr(given, "to_dict") else None
    if not isinstance(described, Mapping) or not {"inputs", "outputs", "params"} & described.keys():
        raise InvalidArgument(
            f"A signature is made by infer_signature(), or False for none; not {given!r:.100}"
        )
    return ModelSignature.from_dict(described)


def _as_column(output: Any, inputs: Schema) -> Any:
    """What a model with columns gives for each row is a column, in the eyes of MLflow."""
    if inputs.is_tensor_spec() or not is_array(output) or output.ndim != 1:
        return output
    import pandas as pd

    return pd.Series(output)


def _copy_extra_files(files: Sequence[str | PathLike[str]], directory: Path) -> dict[str, Any]:
    """Copies the files; returns what the MLmodel file says of them."""
    described = []
    for given in files:
        source = Path(given)
        if not source.is_file():
            raise InvalidArgument(f"`extra_files`: no file '{source}'")
        target = directory / _EXTRA_FILES / source.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)
        described.append({"path": f"{_EXTRA_FILES}/{source.name}"})
    return {"extra_files": described} if described else {}


__all__ = ["Content", "Write", "save"]
