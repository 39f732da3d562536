"""The type of a column of pandas' or polars', and whether values are missing in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.inference.merging import merged
from tracking_client.models.inference.values import type_of_numbers, type_of_value
from tracking_client.types.data_type import DataType
from tracking_client.types.nested import AnyType, Type
from tracking_client.types.specs import ColSpec

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_INFERRED = {
    "string": DataType.string,
    "bytes": DataType.binary,
    "boolean": DataType.boolean,
    "empty": DataType.string,  # an object column without rows, as MLflow has it
}
_POLARS = {
    "Int8": DataType.integer,
    "Int16": DataType.integer,
    "Int32": DataType.integer,
    "Int64": DataType.long,
    "UInt8": DataType.integer,
    "UInt16": DataType.integer,
    "UInt32": DataType.long,
    "Float32": DataType.float,
    "Float64": DataType.double,
    "Boolean": DataType.boolean,
    "String": DataType.string,
    "Categorical": DataType.string,
    "Enum": DataType.string,
    "Binary": DataType.binary,
    "Date": DataType.datetime,
    "Datetime": DataType.datetime,
}


def spec_of_series(series: pd.Series[Any], name: Any) -> ColSpec:
    """The column of a pandas Series. Raises InvalidArgument.

    It is optional where values are missing; one without a name never is, since it cannot be left out.
    """
    name = name.item() if hasattr(name, "item") else name
    path = "The column" if name is None else f"Column {name!r}"
    required = name is None or not bool(series.isna().any())
    return ColSpec(_type_of_series(series, path), name, required)


def _type_of_series(series: pd.Series[Any], path: str) -> Type:
    dtype = series.dtype
    if hasattr(dtype, "categories"):
        return _type_of_series(dtype.categories.to_series(), path)
    dtype = getattr(dtype, "subtype", dtype) if type(dtype).__name__ == "SparseDtype" else dtype
    if type(dtype).__name__ == "StringDtype":
        return DataType.string if not len(series) or bool(series.notna().any()) else AnyType()
    if type(dtype).__name__ == "DatetimeTZDtype":
        return DataType.datetime
    dtype = getattr(dtype, "numpy_dtype", dtype)
    return _type_of_objects(series, path) if dtype.kind == "O" else type_of_numbers(dtype, path)


def _type_of_objects(series: pd.Series[Any], path: str) -> Type:
    import pandas as pd

    there = series.dropna()
    if not len(there) and len(series):
        return DataType.double if any(isinstance(value, float) for value in series) else AnyType()
    inferred = _INFERRED.get(pd.api.types.infer_dtype(there))
    if inferred is not None:
        return inferred
    found = _common_type(series, path)
    if found in (DataType.integer, DataType.long) and len(there) < len(series):
        return DataType.double  # as pandas has whole numbers of which some are missing
    return found


def _common_type(values: Iterable[Any], path: str) -> Type:
    found: Type | None = None
    for row, value in enumerate(values):
        dtype = type_of_value(value, f"{path}, row {row},")
        found = dtype if found is None else merged(found, dtype, path)
    return found or AnyType()


def spec_of_polars(series: pl.Series) -> ColSpec:
    """The column of a polars Series, whose name is none where it is empty. Raises InvalidArgument."""
    path = f"Column {series.name!r}" if series.name else "The column"
    missing = bool(series.null_count()) or (series.dtype.is_float() and bool(series.is_nan().any()))
    return ColSpec(_type_of_polars(series, path), series.name or None, not series.name or not missing)


def _type_of_polars(series: pl.Series, path: str) -> Type:
    kind = type(series.dtype).__name__ if not isinstance(series.dtype, type) else series.dtype.__name__
    if kind in _POLARS:
        return _POLARS[kind]
    if kind not in ("Null", "List", "Array", "Struct"):
        raise InvalidArgument(f"No type of a signature holds {path}, which is {series.dtype}")
    return _common_type(series.to_list(), path)


__all__ = ["spec_of_polars", "spec_of_series"]
