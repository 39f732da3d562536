"""The schema of a data set: tensors for arrays, columns for all else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.inference.columns import spec_of_polars, spec_of_series
from tracking_client.models.inference.values import type_of_numbers, type_of_value, type_of_values
from tracking_client.types.containers import (
    array_of_tensor,
    is_array,
    is_frame,
    is_missing,
    is_polars,
    is_series,
    is_sparse,
)
from tracking_client.types.data_type import DataType
from tracking_client.types.nested import Array, Type
from tracking_client.types.schema import Schema
from tracking_client.types.specs import ColSpec, TensorSpec


def infer_schema(data: Any) -> Schema:
    """The schema of the data. Raises InvalidArgument, which names what no schema describes.

    - a numpy array, a scipy sparse matrix, a TensorFlow, PyTorch or JAX tensor: one tensor;
    - a dict of arrays or tensors: a tensor for each key;
    - a structured array: a column for each field;
    - a DataFrame or Series of pandas or polars: its columns, optional where values are missing;
    - a list of dicts, or a dict: a column for each key, optional where some lack it;
    - another list: the values of one column without a name; a single value: one of them.
    """
    tensor = array_of_tensor(data)
    data = data if tensor is None else tensor
    if is_array(data) and data.dtype.names:
        return Schema([_spec_of_field(data, name) for name in data.dtype.names])
    if is_array(data) or is_sparse(data):
        return _schema_of_arrays({None: data})
    if is_frame(data):
        return _schema_of_frame(data)
    if is_series(data):
        return Schema([spec_of_series(data, data.name)])
    if is_polars(data):
        return _schema_of_polars(data)
    if isinstance(data, Mapping):
        return _schema_of_dict(data)
    if isinstance(data, list):
        return _schema_of_list(data)
    return Schema([ColSpec(type_of_value(data, "data"))])


def _spec_of_field(array: Any, name: str) -> ColSpec:
    field = array[name]
    numbers = not field.dtype.hasobject
    dtype: Type = type_of_numbers(field.dtype, name) if numbers else type_of_values(field.ravel(), name)
    for _ in range(field.ndim - array.ndim):
        dtype = Array(dtype)
    return ColSpec(dtype, name)


def _schema_of_arrays(arrays: Mapping[Any, Any]) -> Schema:
    from tracking_client.models.inference.tensors import spec_of_array

    specs: list[ColSpec | TensorSpec] = [spec_of_array(array, name) for name, array in arrays.items()]
    return Schema(specs)


def _schema_of_frame(frame: Any) -> Schema:
    _refuse_duplicates(list(frame.columns))
    return Schema([spec_of_series(frame.iloc[:, at], name) for at, name in enumerate(frame.columns)])


def _refuse_duplicates(names: list[Any]) -> None:
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise InvalidArgument(f"Columns have one name each; given twice: {', '.join(map(repr, twice))}")


def _schema_of_polars(data: Any) -> Schema:
    data = data.collect() if hasattr(data, "collect") else data
    columns = data.get_columns() if hasattr(data, "get_columns") else [data]
    return Schema([spec_of_polars(column) for column in columns])


def _schema_of_dict(data: Mapping[Any, Any]) -> Schema:
    arrays = {name: _array_of(value) for name, value in data.items()}
    if wrong := [name for name in data if not isinstance(name, str)]:
        raise InvalidArgument(f"The names of columns and tensors in a dict are texts, not {wrong[0]!r}")
    if data and all(array is not None for array in arrays.values()):
        return _schema_of_arrays(arrays)
    return Schema([_spec_of_value(name, value) for name, value in data.items()])


def _array_of(value: Any) -> Any:
    return value if is_array(value) else array_of_tensor(value)


def _spec_of_value(name: str, value: Any) -> ColSpec:
    incomplete = isinstance(value, list) and any(not is_array(item) and is_missing(item) for item in value)
    missing = incomplete or (not is_array(value) and is_missing(value))
    return ColSpec(type_of_value(value, name), name, required=not missing)


def _schema_of_list(data: list[Any]) -> Schema:
    if not data:
        return Schema([ColSpec(DataType.string)])
    if not all(isinstance(row, Mapping) for row in data):
        return Schema([ColSpec(type_of_values(data, "data"))])
    if wrong := [name for row in data for name in row if not isinstance(name, str)]:
        raise InvalidArgument(f"The names of columns in a dict are texts, not {wrong[0]!r}")
    names = dict.fromkeys(name for row in data for name in row)
    if not names:
        raise InvalidArgument("None of the rows has a column: a Schema needs at least one")
    return Schema([_spec_of_rows(name, data) for name in names])


def _spec_of_rows(name: str, rows: list[Mapping[str, Any]]) -> ColSpec:
    values = [row[name] for row in rows if name in row]
    there = [is_array(value) or not is_missing(value) for value in values]
    return ColSpec(type_of_values(values, name), name, required=len(values) == len(rows) and all(there))


__all__ = ["infer_schema"]
