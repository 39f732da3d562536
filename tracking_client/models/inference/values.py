"""The type of a value of Python's or numpy's, however deep it is nested."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.inference.merging import merged
from tracking_client.types.containers import is_array, is_list_like, is_missing, is_numpy_scalar, kind_of
from tracking_client.types.data_type import DataType
from tracking_client.types.nested import AnyType, Array, Object, Property, Type

_PLAIN: Mapping[type, DataType] = {
    bool: DataType.boolean,
    int: DataType.long,
    float: DataType.double,
    str: DataType.string,
    bytes: DataType.binary,
}
_LONG = range(-(1 << 63), 1 << 63)


def type_of_value(value: Any, path: str) -> Type:
    """The type of one value; AnyType where it is missing, or a list or dict with nothing in it.

    Raises InvalidArgument, which says where in the value (`path`) there is what no type describes.
    """
    if is_list_like(value):
        return _type_of_list(value, path)
    if is_missing(value):
        return AnyType()
    if isinstance(value, Mapping):
        return _type_of_dict(value, path)
    return _type_of_scalar(value, path)


def type_of_values(values: Iterable[Any], path: str) -> Type:
    """The type that all values have in common; AnyType where there are none. Raises InvalidArgument."""
    found: Type = AnyType()
    first = True
    for position, value in enumerate(values):
        dtype = type_of_value(value, f"{path}[{position}]")
        found = dtype if first else merged(found, dtype, path)
        first = False
    return found


def type_of_numbers(dtype: Any, path: str) -> DataType:
    """The type for a numpy type of texts, points in time or numbers. Raises InvalidArgument."""
    bits = dtype.itemsize * 8
    if dtype.kind == "f" and bits <= 64:
        return DataType.double if bits == 64 else DataType.float
    if dtype.kind in "iu" and (needed := bits + (dtype.kind == "u")) <= 64:
        return DataType.integer if needed <= 32 else DataType.long
    if dtype.kind in _OTHER_KINDS:
        return _OTHER_KINDS[dtype.kind]
    advice = "; convert it to int64 or float64" if dtype.kind in "uf" else ""
    raise InvalidArgument(f"No type of a signature holds {path}, which is {dtype}{advice}")


_OTHER_KINDS = {
    "b": DataType.boolean,
    "U": DataType.string,
    "T": DataType.string,
    "S": DataType.binary,
    "M": DataType.datetime,
}


def _type_of_list(value: Any, path: str) -> Type:
    if is_array(value) and value.dtype.kind not in "OV":
        innermost: Type = type_of_numbers(value.dtype, path)
        for _ in range(value.ndim):
            innermost = Array(innermost)
        return innermost
    return Array(type_of_values(value, path)) if len(value) else AnyType()


def _type_of_dict(value: Mapping[Any, Any], path: str) -> Type:
    if wrong := [key for key in value if not isinstance(key, str)]:
        raise InvalidArgument(f"The keys of {path} must be texts; {wrong[0]!r} is {kind_of(wrong[0])}")
    found = {key: type_of_value(item, f"{path}.{key}") for key, item in value.items()}
    if not found:
        return AnyType()
    return Object(Property(key, dtype, not isinstance(dtype, AnyType)) for key, dtype in found.items())


def _type_of_scalar(value: Any, path: str) -> DataType:
    if is_numpy_scalar(value):
        return type_of_numbers(value.dtype, path)
    if is_array(value) and value.ndim == 0:
        return type_of_numbers(value.dtype, path)
    if isinstance(value, (bytearray, dt.date)):
        return DataType.binary if isinstance(value, bytearray) else DataType.datetime
    plain = next((dtype for kind, dtype in _PLAIN.items() if isinstance(value, kind)), None)
    if plain is DataType.long and value not in _LONG:
        raise InvalidArgument(f"{path} is a whole number of more than 64 bits, which no type holds")
    if plain is None:
        raise InvalidArgument(
            f"No type of a signature describes {path}, which is {kind_of(value)}. It takes texts, bytes, "
            "numbers, truth values, dates and datetimes, and lists and dicts of them"
        )
    return plain


__all__ = ["type_of_numbers", "type_of_value", "type_of_values"]
