"""The `MLmodel` file: what a directory with a model says about itself.

Format: YAML, as MLflow 3.17 writes it; files of all versions of MLflow are read. Unknown keys are kept.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.models.signature import ModelSignature
from tracking_client.types.params import ParamSchema
from tracking_client.types.schema import Schema

MLMODEL = "MLmodel"
FORMAT_VERSION = "3.17.2"
"""The version of MLflow whose format is written."""
PYTHON_FUNCTION = "python_function"

_OPTIONAL = ("artifact_path", "run_id", "metadata", "model_size_bytes", "saved_input_example_info")
_NAMED = (*_OPTIONAL, "flavors", "mlflow_version", "model_id", "model_uuid", "utc_time_created", "signature")
_FROM_HINT = "is_signature_from_type_hint"
_FROM_EXAMPLE = "type_hint_from_example"


def _now() -> str:
    return f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M:%S.%f}"


@dataclass(kw_only=True)
class Model:
    """What is known about a saved model. `flavors` says for each framework how it is loaded.

    `utc_time_created` is "2026-01-31 12:00:00.000000" in UTC, `model_size_bytes` the size of all files but
    those that describe the environment, `extra` what else the file holds. Not thread-safe.
    """

    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    signature: ModelSignature | None = None
    saved_input_example_info: dict[str, Any] | None = None
    model_id: str | None = None
    run_id: str | None = None
    artifact_path: str | None = None
    utc_time_created: str = field(default_factory=_now)
    mlflow_version: str | None = FORMAT_VERSION
    model_size_bytes: int | None = None
    model_uuid: str | None = field(default_factory=lambda: uuid.uuid4().hex)
    metadata: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def add_flavor(self, name: str, **params: Any) -> Model:
        """Sets how the model is loaded as `name`; returns the model."""
        self.flavors[name] = params
        return self

    def flavor(self, name: str) -> dict[str, Any]:
        """How the model is loaded as `name`. Raises InvalidArgument where it cannot be."""
        found = self.flavors.get(name)
        if found is None:
            known = ", ".join(sorted(self.flavors)) or "none"
            raise InvalidArgument(f"The model cannot be loaded as {name!r}; its flavors: {known}")
        return found

    def get_input_schema(self) -> Schema | None:
        """What the model takes, where that is known."""
        return None if self.signature is None else self.signature.inputs

    def get_output_schema(self) -> Schema | None:
        """What the model gives, where that is known."""
        return None if self.signature is None else self.signature.outputs

    def get_params_schema(self) -> ParamSchema | None:
        """What can be set for a prediction, where that is known."""
        return None if self.signature is None else self.signature.params

    @property
    def is_signature_from_type_hint(self) -> bool:
        """Whether the signature was read off the hints of `predict`, which checks its data itself then."""
        return bool(self.extra.get(_FROM_HINT))

    @is_signature_from_type_hint.setter
    def is_signature_from_type_hint(self, value: bool) -> None:
        self.extra[_FROM_HINT] = value

    def to_dict(self) -> dict[str, Any]:
        """The content of the file."""
        optional = {name: getattr(self, name) for name in _OPTIONAL}
        signature = None if self.signature is None else self.signature.to_dict()
        return {
            "flavors": self.flavors,
            "mlflow_version": self.mlflow_version,
            "model_id": self.model_id,
            "model_uuid": self.model_uuid,
            "utc_time_created": self.utc_time_created,
            **{name: value for name, value in optional.items() if value is not None},
            **(
                {} if signature is None else {_FROM_HINT: False, _FROM_EXAMPLE: False, "signature": signature}
            ),
            "prompts": None,
            **self.extra,
        }

    @classmethod
    def from_dict(cls, model_dict: Mapping[str, Any]) -> Model:
        """The model of a file's content. Raises InvalidArgument."""
        flavors, signature = model_dict.get("flavors", {}), model_dict.get("signature")
        if not isinstance(flavors, Mapping) or not all(
            isinstance(item, Mapping) for item in flavors.values()
        ):
            raise InvalidArgument(f"Not an {MLMODEL} file: its `flavors` are no mapping of mappings")
        return cls(
            flavors={str(name): dict(params) for name, params in flavors.items()},
            signature=_signature(signature),
            mlflow_version=model_dict.get("mlflow_version"),
            model_id=model_dict.get("model_id"),
            model_uuid=model_dict.get("model_uuid"),
            utc_time_created=str(model_dict.get("utc_time_created", "")),
            **{name: model_dict.get(name) for name in _OPTIONAL},
            extra={str(name): value for name, value in model_dict.items() if name not in _NAMED},
        )

    def to_yaml(self) -> str:
        """The text of the file."""
        import yaml

        return str(yaml.safe_dump(self.to_dict(), default_flow_style=False))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the file `path`. Raises OSError; InvalidArgument for `metadata` that is no plain data."""
        import yaml

        try:
            text = self.to_yaml()
        except yaml.YAMLError as error:
            raise InvalidArgument(f"The metadata of a model must be plain data: {error}") from None
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Model:
        """Reads an `MLmodel` file, or the one in a directory. Raises NotFound, InvalidArgument, OSError."""
        import yaml

        file = Path(path, MLMODEL) if Path(path).is_dir() else Path(path)
        if not file.is_file():
            raise NotFound(
                f"No model at '{path}': there is no {MLMODEL} file",
                status=404,
                code="RESOURCE_DOES_NOT_EXIST",
            )
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"'{file}' is no {MLMODEL} file: {error}") from None
        if not isinstance(content, Mapping):
            raise InvalidArgument(f"'{file}' is no {MLMODEL} file: it holds no mapping")
        return cls.from_dict(content)


def _signature(given: Any) -> ModelSignature | None:
    """The signature of the file; None also for one that says nothing."""
    if not isinstance(given, Mapping) or all(value is None for value in given.values()):
        return None
    return ModelSignature.from_dict(given)


__all__ = ["FORMAT_VERSION", "MLMODEL", "PYTHON_FUNCTION", "Model"]
