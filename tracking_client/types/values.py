"""Whether a value fits a type, and what it becomes: the one meaning of every type for single values.

The rules are MLflow's for its inference-time checks, learnt by experiment, and stricter where MLflow lets
anything pass (tests/tracking_client/models/deliberate.py has each difference with its reason):

- a number fits where no digit of it is lost: whole numbers in wider ones, and in `float` and `double` up to
  24 and 53 bits, fractions in wider ones; no numpy type fits a narrower one, whatever the value is;
- a number of Python's own has no width, so that it fits wherever its value does; a numpy scalar has one;
- a datetime has no time zone; ISO 8601 text is one;
- a missing element of an array stays missing: a type cannot say whether elements may be.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping
from typing import Any

from tracking_client.types.containers import is_array, is_list_like, is_missing, is_numpy_scalar
from tracking_client.types.data_type import DataType
from tracking_client.types.mismatch import Mismatch, shown
from tracking_client.types.nested import AnyType, Array, Map, Object, Property, Type

_BITS = {DataType.integer: 32, DataType.long: 64}
_FLOAT_BITS = {DataType.float: 32, DataType.double: 64}
_EXACT_BITS = {DataType.float: 24, DataType.double: 53}  # of whole numbers, which IEEE 754 has room for
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
    """Whether every number of a numpy type fits the type."""
    if given.kind == "b" or dtype is DataType.boolean:
        return bool(given.kind == "b" and dtype is DataType.boolean)
    bits = given.itemsize * 8 + (given.kind == "u")
    if dtype in _BITS:
        return given.kind in "iu" and bits <= _BITS[dtype]
    if dtype not in _EXACT_BITS:
        return False
    most = _EXACT_BITS[dtype] if given.kind in "iu" else _FLOAT_BITS[dtype] if given.kind == "f" else 0
    return bool(bits <= most)


def are_exact(values: Any, dtype: DataType) -> bool:
    """Whether these whole numbers (an array or a column) are what they were as `float` or `double`."""
    if values.dtype.kind not in "iu" or dtype not in _EXACT_BITS or not len(values):
        return False
    limit = 1 << _EXACT_BITS[dtype]
    return bool(-limit <= int(values.min()) and int(values.max()) <= limit)


def _scalar(value: Any, dtype: DataType, path: str) -> Any:
    if dtype is DataType.string and isinstance(value, str):
        return str(value)
    if dtype is DataType.binary and isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if dtype is DataType.datetime:
        return _datetime(value, path)
    if dtype is DataType.boolean and _is_bool(value):
        return bool(value)
    if dtype in _BITS or dtype in _EXACT_BITS:
        return _number(value, dtype, path)
    raise Mismatch(path, expected=dtype.name, given=shown(value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or (is_numpy_scalar(value) and value.dtype.kind == "b")


def _number(value: Any, dtype: DataType, path: str) -> int | float:
    if is_numpy_scalar(value):
        if numbers_fit(value.dtype, dtype):
            return int(value) if dtype in _BITS else float(value)
        if value.dtype.kind not in "iu" or dtype in _BITS:
            advice = WIDER if value.dtype.kind in "iuf" else ""
            raise Mismatch(path, expected=dtype.name, given=shown(value), advice=advice)
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, decimal.Decimal) and dtype is DataType.double:
        return float(value)
    if dtype in _EXACT_BITS and (whole or isinstance(value, float)):
        return _as_float(value, dtype, path)
    if dtype in _BITS and whole:
        if -(limit := 1 << (_BITS[dtype] - 1)) <= value < limit:
            return int(value)
        raise Mismatch(path, expected=f"{dtype.name}, which has {_BITS[dtype]} bits", given=shown(value))
    advice = WIDER if isinstance(value, float) else ""
    raise Mismatch(path, expected=dtype.name, given=shown(value), advice=advice)


def _as_float(value: float, dtype: DataType, path: str) -> float:
    limit = 1 << _EXACT_BITS[dtype]
    if isinstance(value, float) or -limit <= value <= limit:
        return float(value)
    expected = f"{dtype.name}, which has {_EXACT_BITS[dtype]} bits for whole numbers"
    raise Mismatch(path, expected=expected, given=shown(value))


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
    if not isinstance(innermost, DataType) or value.dtype.kind not in "biuf":
        return None
    fit = numbers_fit(value.dtype, innermost) or are_exact(value.ravel(), innermost)
    return value.astype(innermost.to_numpy(), copy=False) if fit else None


def _element(value: Any, dtype: Type, path: str) -> Any:
    if not is_list_like(value) and not isinstance(dtype, AnyType) and is_missing(value):
        return float("nan") if dtype in _EXACT_BITS else None
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


__all__ = ["NO_ZONE", "WIDER", "are_exact", "datetime_of", "fitted", "numbers_fit"]
