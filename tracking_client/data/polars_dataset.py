"""A Polars data frame as a data set."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.data.dataset import Dataset
from tracking_client.data.source import DatasetSource, resolved_source
from tracking_client.errors import InvalidArgument

if TYPE_CHECKING:
    import polars as pl

# By the name of the class, so that nothing of Polars needs to be imported.
_TYPES = {
    "Binary": "binary",
    "Boolean": "boolean",
    "Categorical": "string",
    "Date": "datetime",
    "Datetime": "datetime",
    "Enum": "string",
    "Float32": "float",
    "Float64": "double",
    "Int8": "integer",
    "Int16": "integer",
    "Int32": "integer",
    "Int64": "long",
    "String": "string",
    "UInt8": "integer",
    "UInt16": "integer",
    "UInt32": "long",
}


class PolarsDataset(Dataset):
    """A Polars data frame, and which of its columns are targets and predictions.

    Its digest is Polars' own: the sum of the hashes of the rows, a number as text, as MLflow has it.
    Raises InvalidArgument where it has no such column, or is no data frame.
    """

    def __init__(
        self,
        df: pl.DataFrame,
        source: DatasetSource,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        if not hasattr(df, "hash_rows"):
            raise InvalidArgument(f"a Polars DataFrame is needed, not a {type(df).__name__}")
        for what, column in (("targets", targets), ("predictions", predictions)):
            if column is not None and column not in df.columns:
                raise InvalidArgument(f"DataFrame does not contain specified {what} column: '{column}'")
        super().__init__(source, name, digest)
        self.df = df
        self.targets = targets
        self.predictions = predictions

    @property
    def schema(self) -> dict[str, Any] | None:
        """The columns with their types; None where one has a type that MLflow has none for."""
        columns = []
        for column in self.df.iter_columns():
            kind = _described(column.dtype)
            if kind is None:
                return None
            # "Required" is what MLflow calls a column with any value at all.
            columns.append({**kind, "name": column.name, "required": column.count() > 0})
        return {"mlflow_colspec": columns} if columns else None

    @property
    def profile(self) -> dict[str, Any]:
        """Numbers of rows and of values."""
        return {"num_rows": self.df.height, "num_elements": self.df.height * self.df.width}

    def _computed_digest(self) -> str:
        return str(self.df.hash_rows().sum())


def from_polars(
    df: pl.DataFrame,
    source: DatasetSource | str | PathLike[str] | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PolarsDataset:
    """The data set of a data frame that was read from `source`, a path or URI.

    Raises InvalidArgument for columns that are not there and sources of an unknown kind.
    """
    return PolarsDataset(df, resolved_source(source), targets, name, digest, predictions)


def _described(dtype: Any) -> dict[str, Any] | None:
    """A type in the JSON form of MLflow's signatures."""
    kind = type(dtype).__name__
    if kind in ("List", "Array"):
        items = _described(dtype.inner)
        return None if items is None else {"type": "array", "items": items}
    if kind == "Struct":
        return _described_struct(dtype)
    return {"type": _TYPES[kind]} if kind in _TYPES else None


def _described_struct(dtype: Any) -> dict[str, Any] | None:
    properties = {}
    for field in sorted(dtype.fields, key=lambda field: str(field.name)):
        inner = _described(field.dtype)
        if inner is None:
            return None
        properties[field.name] = {**inner, "required": True}
    return {"type": "object", "properties": properties} if properties else None


__all__ = ["PolarsDataset", "from_polars"]
