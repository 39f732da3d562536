"""Tables as files: `{"columns": [...], "data": [[...], ...]}`, pandas' form `split`, as MLflow's `log_table`.

Where there is only a dict of plain values, pandas is not needed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.images import is_image

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of values that JSON has."""

    columns: list[Any]
    rows: list[list[Any]]

    def followed_by(self, other: Table) -> Table:
        """The rows of both; a column that one of them lacks is null there."""
        columns = list(dict.fromkeys([*self.columns, *other.columns]))
        return Table(columns, [*_arranged(self, columns), *_arranged(other, columns)])

    def to_json(self) -> str:
        """The file."""
        return json.dumps({"columns": self.columns, "data": self.rows}, allow_nan=False)

    @classmethod
    def of_json(cls, text: str) -> Table:
        """The table of a file. Raises InvalidArgument where it is none."""
        try:
            found = json.loads(text)
            columns, rows = list(found["columns"]), [list(row) for row in found["data"]]
        except (ValueError, TypeError, KeyError):
            raise InvalidArgument("the file holds no table of the form {columns, data}") from None
        if any(len(row) != len(columns) for row in rows):
            raise InvalidArgument("the table in the file has rows of another length than its columns")
        return cls(columns, rows)

    def to_frame(self) -> pd.DataFrame:
        """The table for pandas. Raises InvalidArgument where that is not installed."""
        return needed_pandas().DataFrame(self.rows, columns=self.columns)


def of(data: Any, store_image: Callable[[Any], Any]) -> Table:
    """The table of a dict of columns, or of a pandas data frame.

    A dict whose lists differ in length, or that has none, is one row. `store_image` gives what stands in the
    table for a picture. Raises InvalidArgument for anything else.
    """
    if isinstance(data, Mapping):
        return _of_columns(data, store_image)
    if type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns"):
        rows = data.itertuples(index=False, name=None)
        return Table(
            [_plain(name, store_image) for name in data.columns],
            [[_plain(value, store_image) for value in row] for row in rows],
        )
    raise _no_table(data)


def parquet(data: Any, store_image: Callable[[Any], Any], there: Path | None) -> bytes:
    """The Parquet file of the rows in the file `there`, if any, and of what `of` takes.

    Columns keep their types.     Raises InvalidArgument where pandas or pyarrow is not installed.
    """
    pandas = needed_pandas()
    frame = data
    if isinstance(data, Mapping):
        try:
            frame = pandas.DataFrame(data)
        except ValueError:  # single values, or lists of several lengths: one row
            frame = pandas.DataFrame([data])
    elif not isinstance(data, pandas.DataFrame):
        raise _no_table(data)
    frame = frame.map(lambda value: store_image(value) if is_image(value) else value)
    try:
        if there is not None:
            frame = pandas.concat([pandas.read_parquet(there), frame], ignore_index=True)
        stored = frame.to_parquet(index=False)
    except ImportError as error:
        raise InvalidArgument(f"a table in a .parquet file needs pyarrow: {error}") from None
    except (ValueError, TypeError) as error:  # pyarrow's errors are of these kinds
        raise InvalidArgument(f"the table cannot be stored as .parquet: {error}") from None
    assert isinstance(stored, bytes)
    return stored


def needed_pandas() -> Any:
    """The module. Raises InvalidArgument where it is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise InvalidArgument("this table needs pandas: pip install pandas") from None
    return pd


def _no_table(data: Any) -> InvalidArgument:
    return InvalidArgument(f"a table is a dict of columns or a pandas.DataFrame, not a {type(data).__name__}")


def _of_columns(data: Mapping[Any, Any], store_image: Callable[[Any], Any]) -> Table:
    values = {name: _values(column) for name, column in data.items()}
    lengths = {len(column) for column in values.values() if column is not None}
    if len(lengths) == 1:
        (count,) = lengths
        columns = [
            [data[name]] * count if column is None else list(column) for name, column in values.items()
        ]
    else:
        columns = [[column] for column in data.values()]
    rows = [[_plain(value, store_image) for value in row] for row in zip(*columns, strict=True)]
    return Table([_plain(name, store_image) for name in data], rows)


def _values(column: Any) -> Sequence[Any] | None:
    """The values of a column; None for a single value."""
    if isinstance(column, (list, tuple)):
        return column
    if hasattr(column, "tolist") and getattr(column, "ndim", 0) == 1:
        return list(column.tolist())
    return None


def _plain(value: Any, store_image: Callable[[Any], Any]) -> Any:
    """A value of JSON."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if is_image(value):
        return store_image(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, store_image) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, store_image) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    return _of_library(value, store_image)


def _of_library(value: Any, store_image: Callable[[Any], Any]) -> Any:
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "isoformat"):
        try:
            return value.isoformat(timespec="milliseconds")
        except TypeError:  # a date has no time
            return value.isoformat()
    if hasattr(value, "tolist"):
        found = value.tolist()
        return str(value) if hasattr(found, "tolist") else _plain(found, store_image)
    return str(value)


def _arranged(table: Table, columns: list[Any]) -> list[list[Any]]:
    places = {name: place for place, name in enumerate(table.columns)}
    return [[row[places[name]] if name in places else None for name in columns] for row in table.rows]


__all__ = ["Table", "needed_pandas", "of", "parquet"]
