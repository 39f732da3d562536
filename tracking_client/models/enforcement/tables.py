"""The table of pandas that data for a model with columns is, whatever shape it was given in."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.types.containers import (
    is_array,
    is_frame,
    is_list_like,
    is_polars,
    is_series,
    is_sparse,
    kind_of,
)
from tracking_client.types.data_type import DataType
from tracking_client.types.nested import AnyType, Array, Type
from tracking_client.types.schema import Schema
from tracking_client.types.specs import ColSpec

if TYPE_CHECKING:
    import pandas as pd


def table_of(data: Any, schema: Schema) -> pd.DataFrame:
    """The table; its cells are the values as they were given. Raises InvalidArgument."""
    import pandas as pd

    if is_frame(data):
        return data
    if is_polars(data):
        return table_of_polars(data)
    if is_series(data):
        return data.to_frame(0 if data.name is None else data.name)
    if isinstance(data, Mapping):
        return _table_of_dict(data, schema)
    if is_array(data) and data.dtype.names:
        return pd.DataFrame({name: _cells(list(data[name])) for name in data.dtype.names})
    nothing = data is None and not isinstance(schema.inputs[0].type, AnyType)
    if nothing or is_sparse(data) or isinstance(data, (tuple, set)):
        raise InvalidArgument(
            f"The model has a signature with columns, and {kind_of(data)} has none: pass a DataFrame, a dict "
            "from names to values, or a list of such dicts"
        )
    return _table_of_list(data if is_list_like(data) else [data], schema)


def _cells(values: list[Any]) -> pd.Series[Any]:
    """A column of the values themselves, which pandas is kept from converting."""
    import numpy as np
    import pandas as pd

    cells = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        cells[position] = value
    return pd.Series(cells)


def _table_of_list(data: Any, schema: Schema) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        if schema.has_input_names() or isinstance(schema.inputs[0].type, (DataType, AnyType)):
            return _table_of_rows(data)
        return _cells(data).to_frame(0)
    if len(schema.inputs) == 1 and not schema.has_input_names() and not _has_plain_columns(data, schema):
        return _cells(list(data)).to_frame(0)
    if is_array(data) and data.ndim > 2:
        raise InvalidArgument(f"The model has a signature with columns; {kind_of(data)} is no table")
    if is_array(data):
        return pd.DataFrame(data)
    if not any(is_list_like(row) for row in data):
        return _cells(data).to_frame(0)
    rows = [list(row) if is_list_like(row) else [row] for row in data]
    return pd.DataFrame({at: _cells(list(column)) for at, column in enumerate(zip_longest(*rows))})


def _has_plain_columns(data: Any, schema: Schema) -> bool:
    if not isinstance(schema.inputs[0].type, DataType):
        return False
    return is_array(data) or any(is_list_like(row) for row in data)


def _table_of_rows(rows: list[Mapping[Any, Any]]) -> pd.DataFrame:
    """A column for every key, None in the rows that lack it."""
    import pandas as pd

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _cells([row.get(name) for row in rows]) for name in names}
    return pd.DataFrame(columns, index=range(len(rows)))


def _table_of_dict(data: Mapping[Any, Any], schema: Schema) -> pd.DataFrame:
    import pandas as pd

    named = schema.has_input_names()
    types = {item.name: item.type for item in schema.inputs} if named else {}
    positional = [] if named else schema.input_types()
    wanted = {
        name: types[name] if named else positional[at]
        for at, name in enumerate(data)
        if name in types or at < len(positional)
    }
    plain = [name for name, dtype in wanted.items() if isinstance(dtype, DataType)]
    if len(plain) == len(data) and data and all(isinstance(data[name], Mapping) for name in plain):
        return _table_of_dicts(data)
    data = {**data, **{name: list(data[name]) for name in plain if isinstance(data[name], tuple)}}
    many = [_is_many(data[name], dtype) for name, dtype in wanted.items() if not isinstance(dtype, AnyType)]
    if not wanted or not all(many) or not all(_is_column(data[name]) for name in wanted):
        return _table_of_rows([data])
    lengths = {name: len(data[name]) for name in wanted}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InvalidArgument(f"Columns must have one length: {found}")
    rows = next(iter(lengths.values()))
    return pd.DataFrame(
        {name: _column(data[name]) if name in lengths else _cells([None] * rows) for name in data}
    )


def _table_of_dicts(data: Mapping[Any, Mapping[Any, Any]]) -> pd.DataFrame:
    """The table of what `DataFrame.to_dict()` made: columns that are dicts from labels of rows to values."""
    import pandas as pd

    rows = dict.fromkeys(label for column in data.values() for label in column)
    index = pd.Index(list(rows), tupleize_cols=False)
    columns = {name: [column.get(label) for label in rows] for name, column in data.items()}
    return pd.DataFrame({name: _cells(cells).set_axis(index) for name, cells in columns.items()}, index=index)


def _is_column(value: Any) -> bool:
    return is_list_like(value) or is_series(value)


def _column(value: Any) -> pd.Series[Any]:
    import pandas as pd

    if is_series(value):
        return value.reset_index(drop=True)
    return pd.Series(value) if is_array(value) and value.ndim == 1 else _cells(list(value))


def _is_many(value: Any, dtype: Any) -> bool:
    """Whether the value under a key is a column of values of the type, not one of them."""
    if is_series(value):
        return True
    return is_list_like(value) and _depth(value) > _depth_of(dtype)


def _depth_of(dtype: Type) -> int:
    return 1 + _depth_of(dtype.dtype) if isinstance(dtype, Array) else 0


def _depth(value: Any) -> int:
    """How many lists are around the innermost values, by the first that is there."""
    if is_array(value) and value.dtype.kind != "O":
        return int(value.ndim)
    return 1 + max((_depth(item) for item in value if is_list_like(item)), default=0)


def table_of_polars(data: Any) -> pd.DataFrame:
    """The table of polars data; needs nothing but pandas, not Arrow."""
    import pandas as pd

    data = data.collect() if hasattr(data, "collect") else data
    columns = data.get_columns() if hasattr(data, "get_columns") else [data]
    return pd.DataFrame({column.name or 0: _column_of_polars(column) for column in columns})


def _column_of_polars(column: Any) -> pd.Series[Any]:
    import pandas as pd

    plain = column.dtype.is_numeric() and not column.dtype.is_decimal()
    return pd.Series(column.to_numpy()) if plain and not column.null_count() else _cells(column.to_list())


def is_lacking(table: pd.DataFrame, schema: Schema) -> InvalidArgument | None:
    """The error for columns that must be there and are not, or are there twice."""
    if not schema.has_input_names():
        wanted, found = len(schema.inputs), len(table.columns)
        if found >= wanted:
            return None
        return InvalidArgument(f"The signature has {wanted} columns without names; the data has {found}")
    names = list(table.columns)
    missing = [spec for spec in schema.inputs if spec.required and spec.name not in names]
    if missing:
        extra = extra_names(table, schema)
        known = f" What the signature does not know: {', '.join(map(repr, extra))}." if extra else ""
        wanted_columns = ", ".join(map(repr, missing))
        return InvalidArgument(f"The data lacks columns of the signature: {wanted_columns}.{known}")
    twice = [spec.name for spec in schema.inputs if names.count(spec.name) > 1]
    return InvalidArgument(f"The data has columns twice: {', '.join(map(repr, twice))}") if twice else None


def extra_names(table: pd.DataFrame, schema: Schema) -> list[Any]:
    """The columns that the schema does not know; where it has no names, those beyond its last."""
    if not schema.has_input_names():
        return list(table.columns)[len(schema.inputs) :]
    known = {spec.name for spec in schema.inputs if isinstance(spec, ColSpec)}
    return [name for name in table.columns if name not in known]


__all__ = ["extra_names", "is_lacking", "table_of", "table_of_polars"]
