"""Schemas of data sets, in the JSON form of MLflow's `ColSpec` and `TensorSpec` (MLflow's model signatures).

Plain columns only: one that holds lists, dicts or anything that MLflow has no type for leaves the whole data
set without a schema, as MLflow does for the latter.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def frame_schema(frame: pd.DataFrame) -> dict[str, Any] | None:
    """The columns of a data frame; None where it has none, or one without a type."""
    if not frame.shape[1] or not frame.columns.is_unique:
        return None
    columns = []
    for place, name in enumerate(frame.columns.tolist()):
        column = frame.iloc[:, place]
        kind = _column_type(column)
        if kind is None:
            return None
        columns.append({"type": kind, "name": name, "required": not bool(column.isna().any())})
    return {"mlflow_colspec": columns}


def arrays_schema(
    features: np.ndarray | Mapping[str, np.ndarray], targets: np.ndarray | Mapping[str, np.ndarray] | None
) -> dict[str, Any] | None:
    """The shapes and types of arrays, the first dimension open; None where one has no dimension."""
    parts = [_tensors(group) for group in (features, targets)]
    if parts[0] is None or (targets is not None and parts[1] is None):
        return None
    return {"mlflow_tensorspec": {"features": parts[0], "targets": parts[1]}}


def _column_type(column: pd.Series[Any]) -> str | None:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return _column_type(pd.Series(column.dtype.categories))
    inferred = column.infer_objects()
    if inferred.dtype.kind == "O":
        if pd.api.types.is_string_dtype(inferred.dtype) and not pd.api.types.is_object_dtype(inferred.dtype):
            return "string"
        inferred = inferred.dropna().infer_objects()
    if not pd.api.types.is_object_dtype(inferred.dtype):
        return _number_type(inferred.dtype)
    return _object_type(inferred)


def _number_type(dtype: Any) -> str | None:
    bits = 8 * int(getattr(dtype, "itemsize", 0))
    if dtype.kind == "i":
        return "integer" if bits <= 32 else "long"
    if dtype.kind == "u":
        return "integer" if bits <= 16 else "long" if bits == 32 else None
    if dtype.kind == "f":
        return "float" if bits <= 32 else "double" if bits == 64 else None
    return {"b": "boolean", "M": "datetime"}.get(dtype.kind)


def _object_type(values: pd.Series[Any]) -> str | None:
    """The type of what is present in a column of Python objects."""
    kinds = set(map(type, values))
    if not kinds:
        return "any"
    for base, name in (
        (str, "string"),
        ((bytes, bytearray), "binary"),
        (dt.date, "datetime"),
    ):
        if all(issubclass(kind, base) for kind in kinds):
            return name
    return None


def _tensors(group: np.ndarray | Mapping[str, np.ndarray] | None) -> str | None:
    if group is None:
        return None
    named = isinstance(group, Mapping)
    arrays = group.items() if isinstance(group, Mapping) else [("", group)]
    specs: list[dict[str, Any]] = []
    for name, array in arrays:
        if not array.ndim:
            return None
        spec = {"dtype": _dtype_name(array.dtype), "shape": [-1, *array.shape[1:]]}
        specs.append({**({"name": name} if named else {}), "type": "tensor", "tensor-spec": spec})
    return json.dumps(specs)


def _dtype_name(dtype: np.dtype[Any]) -> str:
    # Texts have no length in a signature: "str", not "str32".
    name = str(dtype.name)
    return name.rstrip("0123456789") if dtype.kind in "SU" else name


__all__ = ["arrays_schema", "frame_schema"]
