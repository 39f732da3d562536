"""One column of a table, checked and converted as a whole; value by value only where it holds objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tracking_client.types.containers import is_list_like, is_missing
from tracking_client.types.data_type import DataType
from tracking_client.types.mismatch import Mismatch
from tracking_client.types.nested import AnyType, Type
from tracking_client.types.specs import ColSpec
from tracking_client.types.values import NO_ZONE, WIDER, are_exact, fitted, numbers_fit

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = (DataType.integer, DataType.long)
_FRACTIONS = (DataType.float, DataType.double)
_NULLABLE = {DataType.integer: "Int32", DataType.long: "Int64", DataType.boolean: "boolean"}
_OF_OBJECTS = {DataType.string: "string", DataType.binary: "bytes", DataType.boolean: "boolean"}
_MISSING = (
    "Whole numbers with missing values become floats in pandas. Fill them in, or infer the signature from "
    "data in which values are missing, which makes the column optional or double."
)


def fitted_column(column: pd.Series[Any], spec: ColSpec) -> pd.Series[Any]:
    """The column as the signature has it, under its own name and index. Raises Mismatch."""
    path = str(column.name if spec.name is None else spec.name)
    may_miss = spec.name is None or not spec.required
    if isinstance(spec.type, AnyType):
        return column.infer_objects()
    if not isinstance(spec.type, DataType):
        return _fitted_values(column, spec.type, path, may_miss=may_miss)
    if column.dtype == spec.type.to_pandas() and column.dtype.kind != "O":
        return column
    if not len(column):
        return _of_no_values(column, spec.type, path)
    return _converted(column, spec.type, path, may_miss=may_miss)


def _converted(column: pd.Series[Any], dtype: DataType, path: str, *, may_miss: bool) -> pd.Series[Any]:
    given: Any = column.dtype
    kind = type(given).__name__
    if kind == "CategoricalDtype":
        categories = given.categories.to_series(name=column.name)
        fitted_column(categories, ColSpec(dtype, path))
        return column
    if kind == "SparseDtype":
        return _converted(column.sparse.to_dense(), dtype, path, may_miss=may_miss)
    if kind == "DatetimeTZDtype" and dtype is DataType.datetime:
        raise Mismatch(path, expected="datetime without a time zone", given=str(given), advice=NO_ZONE)
    if kind == "StringDtype":
        return _converted_texts(column, dtype, path)
    if hasattr(given, "numpy_dtype"):
        return _converted_nullable(column, dtype, path, may_miss=may_miss)
    if given.kind == "O":
        return _converted_objects(column, dtype, path, may_miss=may_miss)
    return _converted_numbers(column, dtype, path, may_miss=may_miss)


def _of_no_values(column: pd.Series[Any], dtype: DataType, path: str) -> pd.Series[Any]:
    try:
        return column.astype(dtype.to_pandas())
    except (TypeError, ValueError):  # pandas makes no numbers of dates, even where there are none
        raise _refused(column, dtype, path) from None


def _refused(column: pd.Series[Any], dtype: DataType, path: str, advice: str = "") -> Mismatch:
    return Mismatch(path, expected=dtype.name, given=str(column.dtype), advice=advice)


def _converted_texts(column: pd.Series[Any], dtype: DataType, path: str) -> pd.Series[Any]:
    if dtype is DataType.string:
        return column
    if dtype is DataType.datetime or bool(column.isna().all()):
        return _fitted_objects(column.astype(object), dtype, path)
    raise _refused(column, dtype, path)


def _converted_numbers(
    column: pd.Series[Any], dtype: DataType, path: str, *, may_miss: bool
) -> pd.Series[Any]:
    given: Any = column.dtype
    if numbers_fit(given, dtype) or are_exact(column, dtype):
        return column.astype(dtype.to_numpy())
    if dtype is DataType.datetime and given.kind == "M":
        return _in_nanoseconds(column, path)
    if given.kind not in "fM" or not bool(column.isna().any()):
        both = given.kind in "iuf" and dtype in (*_WHOLE, *_FRACTIONS)
        raise _refused(column, dtype, path, WIDER if both else "")
    if may_miss and bool(column.isna().all()):
        return _nothing_but_missing(column, dtype)
    if dtype not in _WHOLE or given.kind != "f":
        raise _refused(column, dtype, path, WIDER if given.kind == "f" and dtype in _FRACTIONS else "")
    if not may_miss:
        raise _refused(column, dtype, path, _MISSING)
    return _whole_with_gaps(column, dtype, path)


def _nothing_but_missing(column: pd.Series[Any], dtype: DataType) -> pd.Series[Any]:
    import pandas as pd

    missing = pd.Series([None] * len(column), index=column.index, name=column.name, dtype=object)
    if dtype in _FRACTIONS or dtype is DataType.datetime:
        return missing.astype(dtype.to_numpy())
    return missing.astype(_NULLABLE[dtype]) if dtype in _WHOLE else missing


def _whole_with_gaps(column: pd.Series[Any], dtype: DataType, path: str) -> pd.Series[Any]:
    try:
        return column.astype(_NULLABLE[dtype])
    except (TypeError, ValueError, OverflowError):
        raise _refused(column, dtype, path, WIDER) from None


def _in_nanoseconds(column: pd.Series[Any], path: str) -> pd.Series[Any]:
    try:
        return column.astype("datetime64[ns]")
    except (ValueError, OverflowError):
        expected = "datetime between the years 1678 and 2261, which 64 bits of nanoseconds hold"
        raise Mismatch(path, expected=expected, given=f"{column.dtype} beyond") from None


def _converted_nullable(
    column: pd.Series[Any], dtype: DataType, path: str, *, may_miss: bool
) -> pd.Series[Any]:
    """A column of pandas' or Arrow's own types, which know missing values without being floats."""
    given: Any = column.dtype
    numbers = given.numpy_dtype
    if numbers.kind == "O":
        return _converted_objects(column.astype(object), dtype, path, may_miss=may_miss)
    if not bool(column.isna().any()):
        return fitted_column(column.astype(numbers), ColSpec(dtype, path))
    if dtype is DataType.datetime and numbers.kind == "M":
        return _in_nanoseconds(column.astype(numbers), path)
    if not numbers_fit(numbers, dtype) and not are_exact(column.dropna().astype(numbers), dtype):
        raise _refused(column, dtype, path)
    if dtype in _FRACTIONS:
        return _floats(column, dtype)
    if not may_miss:
        raise _refused(column, dtype, path, _MISSING)
    return column.astype(_NULLABLE[dtype])


def _floats(column: pd.Series[Any], dtype: DataType) -> pd.Series[Any]:
    import pandas as pd

    values = column.to_numpy(dtype=dtype.to_numpy(), na_value=float("nan"))
    return pd.Series(values, index=column.index, name=column.name)


def _converted_objects(
    column: pd.Series[Any], dtype: DataType, path: str, *, may_miss: bool
) -> pd.Series[Any]:
    import pandas as pd

    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == _OF_OBJECTS.get(dtype):
        whole = dtype is DataType.boolean and not bool(column.isna().any())
        return column.astype(bool) if whole else column
    if inferred == "datetime64" and dtype is DataType.datetime:
        return _fitted_objects(column, dtype, path)
    if dtype in _WHOLE and bool(column.isna().any()) and not may_miss:
        raise _refused(column, dtype, path, _MISSING)
    return _fitted_objects(column, dtype, path)


def _fitted_objects(column: pd.Series[Any], dtype: DataType, path: str) -> pd.Series[Any]:
    """A column of the values that fit, one by one; missing ones are missing in every type."""
    import numpy as np
    import pandas as pd

    values = _each(column, lambda value: None if _missing(value) else fitted(value, dtype, path))
    gaps = any(value is None for value in values)
    wanted: Any = object
    if dtype in _FRACTIONS or (dtype in (*_WHOLE, DataType.boolean) and not gaps):
        wanted = dtype.to_numpy()
    elif dtype in _WHOLE:
        wanted = _NULLABLE[dtype]
    elif dtype is DataType.datetime:
        return _in_nanoseconds(_datetimes(values, column), path)
    cells: Any = np.empty(len(values), dtype=object)
    cells[:] = values
    return pd.Series(cells, index=column.index, name=column.name).astype(wanted)


def _datetimes(values: list[Any], column: pd.Series[Any]) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    points = [np.datetime64("NaT", "us") if value is None else np.datetime64(value, "us") for value in values]
    if any(isinstance(value, (pd.Timestamp, np.datetime64)) for value in values):
        return pd.Series(pd.to_datetime(values), index=column.index, name=column.name)
    return pd.Series(np.array(points, dtype="datetime64[us]"), index=column.index, name=column.name)


def _fitted_values(column: pd.Series[Any], dtype: Type, path: str, *, may_miss: bool) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    def one(value: Any) -> Any:
        return value if may_miss and _missing(value) else fitted(value, dtype, path)

    cells: Any = np.empty(len(column), dtype=object)
    for row, value in enumerate(_each(column, one)):
        cells[row] = value
    return pd.Series(cells, index=column.index, name=column.name)


def _missing(value: Any) -> bool:
    return not is_list_like(value) and is_missing(value)


def _each(column: pd.Series[Any], convert: Callable[[Any], Any]) -> list[Any]:
    values = []
    for row, value in enumerate(column):
        try:
            values.append(convert(value))
        except Mismatch as mismatch:
            raise mismatch.in_row(row) from None
    return values


__all__ = ["fitted_column"]
