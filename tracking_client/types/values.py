"""Whether a value fits a type, and what it becomes: the one meaning of every type for single values.

The rules are MLflow's for its inference-time checks, learnt by experiment, and stricter where MLflow lets
anything pass (tests/tracking_client/models/deliberate.py has each difference with its reason):

- whole numbers fit wider whole numbers, and `float` and `double`; nothing fits a narrower type;
- a number of Python's own has no width, so that it fits wherever its value does; a numpy scalar has one;
- a datetime has no time zone; ISO 8601 text is one;
- a missing element of an array stays missing: a type cannot say whether elements may be.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from tracking_client.types.containers import is_array, is_list_like, is_missing, is_numpy_scalar
from tracking_client.types.data_type import DataType
from tracking_client.types.mismatch import Mismatch, shown
from tracking_client.types.nested import AnyType, Array, Map, Object, Property, Type

_BITS = {DataType.integer: 32, DataType.long: 64}
_FRACTIONS = (DataType.float, DataType.double)
WIDER = "A conversion could lose digits: convert the value yourself, or give the signature the wider type."
NO_ZONE = "Make it naive first: in pandas, .dt.tz_convert('UTC').dt.tz_localize(None)."


def fitted(value: Any, dtype: Type, path: str) -> Any:
    """The value as one of the type, in Python's own types; an array of numbers stays one.

    `path` is how errors call the value. Raises Mismatch.
    """
    if isinstance(dtype, DataType):
        return _scalar(value, dtype, path)
    if isinstance(dtype, AnyType):
        return value
    if isinstance(dtype, Array):
        return _array(value, dtype, path)
    return _object(value, dtype, path) if isinstance(dtype, Object) else _map(value, dtype, path)


def numbers_fit(given: Any, dtype: DataType) -> bool:
    """Whether all numbers of a numpy type fit the type."""
    if given.kind == "b" or dtype is DataType.boolean:
        return bool(given.kind == "b" and dtype is DataType.boolean)
    if dtype in _BITS:
        return given.kind in "iu" and (given.itemsize * 8 + (given.kind == "u")) <= _BITS[dtype]
    if dtype is DataType.float:
        return given.kind in "iu" or (given.kind == "f" and given.itemsize <= 4)
    return dtype is DataType.double and (given.kind in "iu" or (given.kind == "f" and given.itemsize <= 8))


def _scalar(value: Any, dtype: DataType, path: str) -> Any:
    if dtype is DataType.string and isinstance(value, str):
        return str(value)
    if dtype is DataType.binary and isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if dtype is DataType.datetime:
        return _datetime(value, path)
    if dtype is DataType.boolean and _is_bool(value):
        return bool(value)
    if dtype in _BITS or dtype in _FRACTIONS:
        return _number(value, dtype, path)
    raise Mismatch(path, expected=dtype.name, given=shown(value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or (is_numpy_scalar(value) and value.dtype.kind == "b")


def _number(value: Any, dtype: DataType, path: str) -> int | float:
    if is_numpy_scalar(value):
        if numbers_fit(value.dtype, dtype):
            return int(value) if dtype in _BITS else float(value)
        wider = value.dtype.kind in "iuf" and dtype is not DataType.boolean
        raise Mismatch(path, expected=dtype.name, given=shown(value), advice=WIDER if wider else "")
    whole = isinstance(value, int) and not isinstance(value, bool)
    if dtype in _FRACTIONS and (whole or isinstance(value, float)):
        return _as_float(value, dtype, path)
    if dtype in _BITS and whole:
        if -(limit := 1 << (_BITS[dtype] - 1)) <= value < limit:
            return int(value)
        raise Mismatch(path, expected=f"{dtype.name}, which has {_BITS[dtype]} bits", given=shown(value))
    advice = WIDER if isinstance(value, float) else ""
    raise Mismatch(path, expected=dtype.name, given=shown(value), advice=advice)


def _as_float(value: float, dtype: DataType, path: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Mismatch(path, expected=dtype.name, given="a whole number beyond its range") from None


def _datetime(value: Any, path: str) -> Any:
    if isinstance(value, str):
        try:
            value = datetime_of(value)
        except ValueError:
            raise Mismatch(
                path, expected="datetime", given=shown(value), advice="Text must be ISO 8601."
            ) from None
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        raise Mismatch(path, expected="datetime without a time zone", given=shown(value), advice=NO_ZONE)
    if isinstance(value, dt.date) or (is_numpy_scalar(value) and value.dtype.kind == "M"):
        return value
    raise Mismatch(path, expected="datetime", given=shown(value))


def datetime_of(text: str) -> dt.date:
    """The date or the point in time of ISO 8601 text. Raises ValueError."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return dt.datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text)


def _array(value: Any, dtype: Array, path: str) -> Any:
    if not is_list_like(value):
        advice = "A tuple is none: pass a list." if isinstance(value, tuple) else ""
        raise Mismatch(path, expected=repr(dtype), given=shown(value), advice=advice)
    numbers = _fitted_numbers(value, dtype) if is_array(value) else None
    if numbers is not None:
        return numbers
    return [_element(item, dtype.dtype, f"{path}[{position}]") for position, item in enumerate(value)]


def _fitted_numbers(value: Any, dtype: Array) -> Any:
    """An array of numbers as a whole; None where it must be looked at one by one."""
    innermost: Type = dtype
    for _ in range(value.ndim):
        if not isinstance(innermost, Array):
            return None
        innermost = innermost.dtype
    if isinstance(innermost, DataType) and value.dtype.kind in "biuf" and numbers_fit(value.dtype, innermost):
        return value.astype(innermost.to_numpy(), copy=False)
    return None


def _element(value: Any, dtype: Type, path: str) -> Any:
    if not is_list_like(value) and not isinstance(dtype, AnyType) and is_missing(value):
        return float("nan") if dtype in _FRACTIONS else None
    return fitted(value, dtype, path)


def _object(value: Any, dtype: Object, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Mismatch(path, expected=f"an object {dtype!r}", given=shown(value))
    known = {item.name for item in dtype.properties}
    if unknown := [key for key in value if key not in known]:
        advice = "Leave them out, or give the signature these properties."
        given = f"properties that it does not know: {', '.join(map(repr, unknown))}"
        raise Mismatch(path, expected=f"an object {dtype!r}", given=given, advice=advice)
    wanted = [item for item in dtype.properties if item.name in value or item.required]
    found = {item.name: _property(value, item, path) for item in wanted}
    return {key: found[key] for key in value}


def _property(value: Mapping[str, Any], item: Property, path: str) -> Any:
    path = f"{path}.{item.name}"
    if item.name not in value:
        raise Mismatch(path, expected=f"{item.dtype!r} (required)", given="nothing")
    found = value[item.name]
    if not item.required and not is_list_like(found) and is_missing(found):
        return found
    return fitted(found, item.dtype, path)


def _map(value: Any, dtype: Map, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Mismatch(path, expected=repr(dtype), given=shown(value))
    if wrong := [key for key in value if not isinstance(key, str)]:
        raise Mismatch(path, expected="keys that are text", given=f"the key {shown(wrong[0])}")
    return {key: _element(item, dtype.value_type, f"{path}[{key!r}]") for key, item in value.items()}


__all__ = ["NO_ZONE", "WIDER", "datetime_of", "fitted", "numbers_fit"]
