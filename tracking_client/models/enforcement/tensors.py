"""Arrays, checked against the type and the shape of tensors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.enforcement.tables import table_of_polars
from tracking_client.types.containers import (
    array_of_tensor,
    is_array,
    is_frame,
    is_polars,
    is_series,
    is_sparse,
    kind_of,
)
from tracking_client.types.mismatch import Mismatch
from tracking_client.types.schema import Schema
from tracking_client.types.specs import TensorSpec


def fitted_tensors(data: Any, schema: Schema) -> Any:
    """The array of a schema without a name, or else a dict of arrays by name. Raises InvalidArgument."""
    specs = [spec for spec in schema.inputs if isinstance(spec, TensorSpec)]
    if is_polars(data):
        data = table_of_polars(data)
    if not schema.has_input_names():
        return _fitted_unnamed(data, specs[0])
    named = _by_name(data, specs)
    if missing := [spec.name for spec in specs if spec.name not in named]:
        extra = [name for name in named if name not in {spec.name for spec in specs}]
        known = f" What the signature does not know: {', '.join(map(repr, extra))}." if extra else ""
        wanted = ", ".join(map(repr, missing))
        raise InvalidArgument(f"The data lacks tensors of the signature: {wanted}.{known}")
    if len(named) > len(specs):
        extra = [name for name in named if name not in {spec.name for spec in specs}]
        message = f"Tensors that the signature does not know are left out: {', '.join(map(repr, extra))}"
        warnings.warn(message, UserWarning, stacklevel=3)
    return {spec.name: _fitted(named[spec.name], spec, str(spec.name)) for spec in specs}


def _by_name(data: Any, specs: list[TensorSpec]) -> Mapping[Any, Any]:
    if isinstance(data, Mapping):
        return data
    if is_frame(data):
        return {name: data[name] for name in data.columns}
    if is_series(data):
        return {specs[0].name if data.name is None and len(specs) == 1 else data.name: data}
    if len(specs) == 1 and (is_array(data) or is_sparse(data) or array_of_tensor(data) is not None):
        return {specs[0].name: data}
    names = ", ".join(repr(spec.name) for spec in specs)
    raise InvalidArgument(f"The signature has tensors with names ({names}): pass a dict, not {kind_of(data)}")


def _fitted_unnamed(data: Any, spec: TensorSpec) -> Any:
    if isinstance(data, Mapping):
        raise InvalidArgument(
            f"The signature has one tensor without a name, {spec!r}: pass an array, not a dict"
        )
    if is_frame(data):
        single = len(data.columns) == 1 and data.iloc[:, 0].dtype == object
        data = data.iloc[:, 0] if single or (len(data.columns) == 1 and len(spec.shape) == 1) else data
    return _fitted(data, spec, "The tensor")


def _fitted(data: Any, spec: TensorSpec, path: str) -> Any:
    tensor = array_of_tensor(data)
    array = data if tensor is None else tensor
    if not is_array(array) and not is_sparse(array):
        array = _array_of(array, spec, path)
    elif not _is_of_type(array.dtype, spec):
        advice = "Tensors are not converted: use astype, where no digit that matters is lost."
        given = f"{type(array).__name__} of {array.dtype}"
        raise Mismatch(path, expected=_type_name(spec), given=given, advice=advice)
    if not _is_of_shape(array.shape, spec.shape):
        raise Mismatch(
            path,
            expected=f"shape {spec.shape}, where -1 is any length",
            given=f"shape {tuple(array.shape)}",
        )
    return array


def _type_name(spec: TensorSpec) -> str:
    return {"U": "str", "S": "bytes"}.get(spec.type.kind) or str(spec.type)


def _is_of_type(given: Any, spec: TensorSpec) -> bool:
    """Texts fit objects too; their length and the order of bytes in numbers are no part of the type."""
    if spec.type.kind == "U":
        return given.kind in "UT"
    if spec.type.kind in "SO":
        return given.kind == spec.type.kind or (spec.type.kind == "O" and given.kind in "UTS")
    return bool(given.newbyteorder("=") == spec.type.newbyteorder("="))


def _is_of_shape(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(given) == len(wanted) and all(
        size in (-1, found) for found, size in zip(given, wanted, strict=True)
    )


def _array_of(data: Any, spec: TensorSpec, path: str) -> Any:
    """The array of lists, a table or a column, of the type where its numbers fit without a loss."""
    import numpy as np

    values = _rows(data)
    try:
        if spec.type.kind == "O":
            return np.array(values, dtype=object)
        array = np.array(values)
    except ValueError:
        raise Mismatch(
            path, expected=f"a tensor of shape {spec.shape}", given="lists of different lengths"
        ) from None
    if _is_of_type(array.dtype, spec):
        return array
    if _is_lossless(array, spec, own=not is_frame(data) and not is_series(data)):
        with np.errstate(over="ignore"):
            found = array.astype(spec.type)
        if (
            not array.size
            or array.dtype.kind != "f"
            or bool((np.isfinite(found) == np.isfinite(array)).all())
        ):
            return found
    raise Mismatch(path, expected=_type_name(spec), given=f"{kind_of(data)} of {array.dtype}")


def _rows(data: Any) -> Any:
    if not is_frame(data) and not is_series(data):
        return data
    values = data.to_numpy()
    return values.tolist() if values.dtype == object else values


def _is_lossless(array: Any, spec: TensorSpec, *, own: bool) -> bool:
    """Whether the numbers keep their values; Python's `own` have no width, unlike those of columns."""
    import numpy as np

    given, wanted = array.dtype.kind, spec.type.kind
    numbers = given in "iuf" and wanted in "iufc"
    if not array.size or ((numbers or given == wanted == "M") and np.can_cast(array.dtype, spec.type)):
        return True
    if not numbers or given == "f":
        return numbers and own and wanted in "fc"
    if wanted in "fc":
        limit = 1 << (np.finfo(spec.type).nmant + 1)
        return bool(array.min() >= -limit and array.max() <= limit)
    limits = np.iinfo(spec.type)
    return own and bool(array.min() >= limits.min and array.max() <= limits.max)


__all__ = ["fitted_tensors"]
