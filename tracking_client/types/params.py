"""The parameters that a model takes beside its input (`mlflow.types.ParamSpec`, `ParamSchema`)."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.types.containers import is_array, is_missing, is_numpy_scalar, loaded
from tracking_client.types.data_type import DataType
from tracking_client.types.mismatch import Mismatch, shown
from tracking_client.types.nested import Object, type_from_dict, type_of, type_to_dict
from tracking_client.types.values import fitted


@dataclass(frozen=True, slots=True, repr=False)
class ParamSpec:
    """One parameter: its type, its default, and `shape`: None for one value, (-1,) for a list of any length.

    None is a default of every type. Raises InvalidArgument for types that parameters cannot have (binary,
    and nested ones but Object), for other shapes, and for a default that is not of the type or not JSON.
    """

    name: str
    dtype: DataType | Object
    default: Any
    shape: tuple[int, ...] | None = None

    def __init__(
        self, name: str, dtype: DataType | Object | str, default: Any, shape: Sequence[int] | None = None
    ) -> None:
        kind = type_of(dtype)
        if not isinstance(kind, (DataType, Object)) or kind is DataType.binary:
            raise InvalidArgument(f"Parameter {str(name)!r} cannot be {kind!r}: values, lists and Object can")
        if shape is not None and (list(shape) != [-1] or isinstance(kind, Object)):
            raise InvalidArgument(
                f"Parameter {str(name)!r} has shape {shape}: it is None for one value and for an Object, "
                "(-1,) for a list"
            )
        object.__setattr__(self, "name", str(name))
        object.__setattr__(self, "dtype", kind)
        object.__setattr__(self, "shape", None if shape is None else (-1,))
        object.__setattr__(self, "default", self.fitted(default))
        _to_json(self.default, self.name)

    def fitted(self, value: Any) -> Any:
        """The value as this parameter takes it, in Python's own types. Raises Mismatch."""
        if self.shape is None:
            return self._one(value, self.name)
        if not isinstance(value, list) and not (is_array(value) and value.ndim == 1):
            raise Mismatch(self.name, expected=f"a list of {self.dtype!r}", given=shown(value))
        return [self._one(item, f"{self.name}[{position}]") for position, item in enumerate(value)]

    def _one(self, value: Any, path: str) -> Any:
        return None if value is None else python_datetime(fitted(value, self.dtype, path))

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default}){shape}"

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON; datetimes in ISO 8601."""
        default = _to_json(self.default, self.name)
        return {"name": self.name, "default": default, "shape": self.shape, **type_to_dict(self.dtype)}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> ParamSpec:
        """The parameter of MLflow's JSON; the type may be in `dtype`, as its early versions wrote.

        Raises InvalidArgument.
        """
        entry = {**kwargs, "type": kwargs.get("type", kwargs.get("dtype"))}
        if missing := {"name", "default"} - kwargs.keys():
            raise InvalidArgument(f"The JSON of a parameter lacks {', '.join(sorted(missing))}: {kwargs}")
        kind = type_from_dict(entry)
        if not isinstance(kind, (DataType, Object)):
            raise InvalidArgument(f"Parameter {entry['name']!r} cannot be {kind!r}")
        return cls(entry["name"], kind, entry["default"], entry.get("shape"))


def python_datetime(value: Any) -> Any:
    """Pandas' and numpy's points in time as Python's own, to the microsecond; other values as they are."""
    pandas = loaded("pandas")
    if pandas is not None and isinstance(value, pandas.Timestamp):
        return value.to_pydatetime(warn=False)
    if is_numpy_scalar(value) and value.dtype.kind == "M":
        found = value.item()
        return value.astype("datetime64[us]").item() if isinstance(found, int) else found
    return value


def _to_json(value: Any, name: str) -> Any:
    """The value as JSON has it; points in time in ISO 8601, missing values as null within objects."""
    value = python_datetime(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _to_json(item, name) for key, item in value.items()}
    if is_array(value):
        return _to_json(value.tolist(), name)
    if isinstance(value, list):
        return [_to_json(item, name) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if is_missing(value):
        return None
    raise InvalidArgument(f"The default of parameter {name!r} holds {shown(value)}, which JSON cannot say")


class ParamSchema:
    """All parameters that a model takes; immutable. Raises InvalidArgument for two of one name."""

    __slots__ = ("_params",)

    def __init__(self, params: list[ParamSpec]) -> None:
        _check_params(params)
        if twice := [name for name, times in Counter(item.name for item in params).items() if times > 1]:
            raise InvalidArgument(f"A ParamSchema has each parameter once; given twice: {', '.join(twice)}")
        self._params = tuple(params)

    @property
    def params(self) -> list[ParamSpec]:
        """The parameters, in order."""
        return list(self._params)

    def to_dict(self) -> list[dict[str, Any]]:
        """MLflow's JSON, as a value."""
        return [item.to_dict() for item in self._params]

    def to_json(self) -> str:
        """MLflow's JSON, as text; a default that is not finite is `NaN` or `Infinity`, as MLflow has it."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> ParamSchema:
        """The parameters of MLflow's JSON. Raises InvalidArgument."""
        try:
            entries = json.loads(json_str)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"A schema of parameters is JSON: {error}") from None
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise InvalidArgument("The JSON of a schema of parameters is a list of objects")
        return cls([ParamSpec.from_json_dict(**entry) for entry in entries])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParamSchema) and self._params == other._params

    __hash__ = None  # type: ignore[assignment]  # defaults may be lists and dicts

    def __repr__(self) -> str:
        return repr(self.params)


def _check_params(params: Any) -> None:
    if not isinstance(params, list) or not all(isinstance(item, ParamSpec) for item in params):
        raise InvalidArgument(f"A ParamSchema is made of a list of ParamSpec, not of {params!r}")


__all__ = ["ParamSchema", "ParamSpec", "python_datetime"]
