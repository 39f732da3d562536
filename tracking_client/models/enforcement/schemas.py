"""Data for a prediction, checked against the schema of what the model takes."""

from __future__ import annotations

import warnings
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.enforcement.columns import fitted_column
from tracking_client.models.enforcement.tables import extra_names, is_lacking, table_of
from tracking_client.models.enforcement.tensors import fitted_tensors
from tracking_client.types.mismatch import Mismatch
from tracking_client.types.schema import Schema
from tracking_client.types.specs import ColSpec


def enforce_schema(data: Any, schema: Schema) -> Any:
    """The data as the schema has it: a pandas DataFrame for columns, an array or a dict of them for tensors.

    Columns may come as a DataFrame of pandas or polars, a dict, a list of dicts, a Series, a list, an array
    or one value. They are put in the order of the schema; optional ones may be missing, and what the
    schema does not know is left out with a UserWarning. Numbers become wider where the schema is, never
    narrower. Tensors must have the type and the shape that the schema says; lists become arrays of it.

    Raises InvalidArgument, mostly a `Mismatch`, which names the column (with the whole path into nested
    values), the row, what was expected and what was given. The data given is not changed. Thread-safe.
    """
    return fitted_tensors(data, schema) if schema.is_tensor_spec() else _fitted_table(data, schema)


def validate_schema(data: Any, expected_schema: Schema) -> None:
    """Raises InvalidArgument where `enforce_schema` does; MLflow's name for only asking."""
    enforce_schema(data, expected_schema)


def _fitted_table(data: Any, schema: Schema) -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise InvalidArgument("Data for a signature with columns needs pandas: install it") from None
    table = table_of(data, schema)
    specs = [spec for spec in schema.inputs if isinstance(spec, ColSpec)]
    if lacking := is_lacking(table, schema):
        raise lacking
    if extra := extra_names(table, schema):
        message = f"Columns that the signature does not know are left out: {', '.join(map(repr, extra))}"
        warnings.warn(message, UserWarning, stacklevel=3)
    if not schema.has_input_names():
        columns = [table.iloc[:, position] for position in range(len(specs))]
        fitted = [fitted_column(column, spec) for column, spec in zip(columns, specs, strict=True)]
        return pd.concat(fitted, axis=1) if len(fitted) != 1 else fitted[0].to_frame()
    there = {spec.name: fitted_column(table[spec.name], spec) for spec in specs if spec.name in table.columns}
    return pd.DataFrame(there, index=table.index)


__all__ = ["Mismatch", "enforce_schema", "validate_schema"]
