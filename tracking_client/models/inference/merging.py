"""The one type of values of several types: what a list of them is a list of.

The rules are MLflow's for lists and records, but that whole numbers beside fractions are fractions.
"""

from __future__ import annotations

from typing import TypeVar

from tracking_client.errors import InvalidArgument
from tracking_client.types.data_type import DataType
from tracking_client.types.nested import AnyType, Array, Object, Property, Type

_T = TypeVar("_T")
_WHOLE = (DataType.integer, DataType.long)
_NUMBERS = (*_WHOLE, DataType.float, DataType.double)


def merged(one: Type, other: Type, path: str) -> Type:
    """The narrowest type that holds the values of both; AnyType is that of values that are not there.

    Objects have the properties of both, those that one lacks being optional. Raises InvalidArgument, which
    names the `path`, for types that have nothing in common.
    """
    if one == other:
        return one
    if isinstance(one, AnyType):
        return _loosened(other)
    if isinstance(other, AnyType):
        return _loosened(one)
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merged(one.dtype, other.dtype, f"{path}[]"))
    if isinstance(one, Object) and isinstance(other, Object):
        return _merged_objects(one, other, path)
    if one in _NUMBERS and other in _NUMBERS:
        return DataType.long if one in _WHOLE and other in _WHOLE else DataType.double
    raise InvalidArgument(
        f"{path} has values of different types, {one!r} and {other!r}. Make them one, or write the "
        "signature yourself: Array(AnyType()) takes a list of anything"
    )


def _loosened(dtype: Type) -> Type:
    """The type where one of its values is not there: all that an object may have, it may lack."""
    if isinstance(dtype, Object):
        return Object(Property(item.name, item.dtype, required=False) for item in dtype.properties)
    return dtype


def _merged_objects(one: Object, other: Object, path: str) -> Object:
    ours = {item.name: item for item in one.properties}
    theirs = {item.name: item for item in other.properties}
    return Object(_merged_property(ours.get(name), theirs.get(name), path) for name in {**ours, **theirs})


def _merged_property(one: Property | None, other: Property | None, path: str) -> Property:
    if one is None or other is None:
        found = _there(one, other)
        return Property(found.name, found.dtype, required=False)
    dtype = merged(one.dtype, other.dtype, f"{path}.{one.name}")
    return Property(one.name, dtype, required=one.required and other.required)


def _there(one: _T | None, other: _T | None) -> _T:
    found = one if one is not None else other
    assert found is not None
    return found


__all__ = ["merged"]
