"""What the type hints of `predict` say of a model's data, with MLflow's rules.

The data is a `list[...]`, one item for each row. An item is a value of Python's own, a list or a dict with
text keys, or a model of pydantic.
"""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from tracking_client.errors import InvalidArgument
from tracking_client.models.python_model import PredictHints
from tracking_client.types.containers import loaded
from tracking_client.types.data_type import DataType
from tracking_client.types.mismatch import Mismatch, shown
from tracking_client.types.nested import AnyType, Array, Map, Object, Property, Type
from tracking_client.types.schema import Schema
from tracking_client.types.specs import ColSpec

_PLAIN: Mapping[Any, DataType] = {
    bool: DataType.boolean,
    int: DataType.long,
    float: DataType.double,
    str: DataType.string,
    bytes: DataType.binary,
    dt.datetime: DataType.datetime,
}
_UNIONS = (Union, types.UnionType)
_NOTHING = type(None)


def input_schema_of(hints: PredictHints) -> Schema | None:
    """The schema that the hint of `predict`'s data says; None for a hint that says nothing of rows.

    Raises InvalidArgument for a list of what no type describes.
    """
    return _rows(hints.input) if get_origin(hints.input) is list else None


def output_schema_of(hints: PredictHints) -> Schema:
    """The schema that the hint of the result says; anything, where it says nothing that is known."""
    try:
        if get_origin(hints.output) is list:
            return _rows(hints.output)
        if hints.output is not None:
            return Schema([ColSpec(_required(hints.output))])
    except InvalidArgument:
        pass
    return Schema([ColSpec(AnyType())])


def _rows(hint: Any) -> Schema:
    return Schema([ColSpec(_required(get_args(hint)[0]))])


def _required(hint: Any) -> Type:
    found, required = type_of_hint(hint)
    if not required:
        raise InvalidArgument(
            f"{_name(hint)} makes rows optional, which no signature can say: leave Optional out, or use a "
            "model of pydantic with optional fields"
        )
    return found


def type_of_hint(hint: Any) -> tuple[Type, bool]:
    """The type of values that a hint allows, and whether they must be there. Raises InvalidArgument."""
    if hint is Any:
        return AnyType(), True
    if hint in _PLAIN:
        return _PLAIN[hint], True
    if _is_pydantic(hint):
        return Object([_property(hint, name, field) for name, field in hint.model_fields.items()]), True
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list and arguments:
        return Array(type_of_hint(arguments[0])[0]), True
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        return Map(type_of_hint(arguments[1])[0]), True
    if origin in _UNIONS:
        there = [item for item in arguments if item is not _NOTHING]
        found = type_of_hint(there[0])[0] if len(there) == 1 else AnyType()
        return found, len(there) == len(arguments)
    known = ", ".join(kind.__name__ for kind in _PLAIN)
    raise InvalidArgument(
        f"The type hint {_name(hint)} makes no signature. Known are {known}, Any, list[...], dict[str, ...], "
        "unions of them and models of pydantic"
    )


def _property(model: Any, name: str, field: Any) -> Property:
    dtype, required = type_of_hint(field.annotation)
    if not required and field.is_required():
        raise InvalidArgument(
            f"{_name(model)}.{name} is optional and has no default: give it None as its default"
        )
    return Property(name, dtype, required)


def fitted_to_hint(value: Any, hint: Any, path: str = "data") -> Any:
    """The value as the hint has it: a dict for a model of pydantic becomes one. Raises Mismatch."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        if isinstance(value, hint):
            return value
        raise Mismatch(path, expected=_name(hint), given=shown(value))
    if _is_pydantic(hint):
        return _model_of(value, hint, path)
    if origin is list:
        if not isinstance(value, list):
            raise Mismatch(path, expected="list", given=shown(value))
        return [fitted_to_hint(item, arguments[0], f"{path}[{at}]") for at, item in enumerate(value)]
    if origin is dict:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise Mismatch(path, expected="dict with text keys", given=shown(value))
        return {key: fitted_to_hint(item, arguments[1], f"{path}.{key}") for key, item in value.items()}
    there = [item for item in arguments if item is not _NOTHING]
    if origin in _UNIONS and len(there) == 1 and value is not None:
        return fitted_to_hint(value, there[0], path)
    return value  # Any, and a union of several: nothing is known of it


def _model_of(value: Any, model: Any, path: str) -> Any:
    if isinstance(value, model):
        return value
    if not isinstance(value, dict):
        raise Mismatch(path, expected=f"dict or {model.__name__}", given=shown(value))
    try:
        return model.model_validate(value, strict=True)
    except loaded("pydantic").ValidationError as error:  # type: ignore[union-attr]  # it has made the model
        wrong = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise Mismatch(path, expected=model.__name__, given="dict", advice="; ".join(wrong)) from None


def _is_pydantic(hint: Any) -> bool:
    pydantic = loaded("pydantic")
    return pydantic is not None and isinstance(hint, type) and issubclass(hint, pydantic.BaseModel)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


__all__ = ["fitted_to_hint", "input_schema_of", "output_schema_of", "type_of_hint"]
