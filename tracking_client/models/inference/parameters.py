"""The schema of parameters, from their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.inference.values import type_of_value
from tracking_client.types.containers import is_array, is_missing, kind_of
from tracking_client.types.data_type import DataType
from tracking_client.types.nested import AnyType, Array, Object, Type
from tracking_client.types.params import ParamSchema, ParamSpec


def infer_param_schema(parameters: Any) -> ParamSchema:
    """The schema of a dict from names to defaults: single values, lists of them, or dicts.

    A list with nothing in it is one of texts, as `stop=[]` mostly is. Raises InvalidArgument, which names
    every parameter that has no type and says why.
    """
    if not isinstance(parameters, Mapping):
        raise InvalidArgument(f"Parameters are a dict from names to defaults, not {kind_of(parameters)}")
    specs: list[ParamSpec] = []
    refused: list[str] = []
    for name, default in parameters.items():
        try:
            specs.append(_spec_of(str(name), default))
        except InvalidArgument as error:
            refused.append(error.message)
    if refused:
        raise InvalidArgument(f"Parameters without a type: {'; '.join(refused)}")
    return ParamSchema(specs)


def _spec_of(name: str, default: Any) -> ParamSpec:
    is_list = isinstance(default, list) or (is_array(default) and default.ndim == 1)
    if is_list and not len(default):
        return ParamSpec(name, DataType.string, [], (-1,))
    if is_array(default) and not is_list:
        raise InvalidArgument(
            f"{name} is {kind_of(default)}, and only a list or an array with one axis can be"
        )
    found: Type = type_of_value(default, name)
    if is_missing_float(default):
        found = DataType.double
    if is_list and isinstance(found, Array):
        found = found.dtype
    if isinstance(found, AnyType):
        raise InvalidArgument(f"{name} has no value that would tell its type: write a ParamSpec for it")
    if not isinstance(found, (DataType, Object)):
        raise InvalidArgument(f"{name} is {found!r}, and a parameter is a value, a list of them, or a dict")
    return ParamSpec(name, found, default, (-1,) if is_list else None)


def is_missing_float(value: Any) -> bool:
    """A NaN, which is a float all the same."""
    return isinstance(value, float) and is_missing(value)


__all__ = ["infer_param_schema"]
