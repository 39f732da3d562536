"""Data sets of every kind of column, and what MLflow's own `mlflow.data` makes of them.

`python -m tests.tracking_client.mlflow_datasets` prints the latter, from a process of its own.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

SOURCE = "/data/of/a test.csv"


def columns() -> dict[str, Any]:
    """A column of every kind, by name."""
    sized = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32")
    nullable = ("Int8", "Int64", "UInt32", "UInt64", "Float32", "Float64")
    return {
        **{kind: np.array([1, 2], kind) for kind in sized},
        **{f"nullable {kind}": pd.array([1, None], dtype=kind) for kind in nullable},
        "double": [1.5, np.nan],
        "only nan": [np.nan, np.nan],
        "bool": [True, False],
        "bool or none": [True, None],
        "boolean": pd.array([True, None], dtype="boolean"),
        "object bool": np.array([True, False], dtype=object),
        "numpy bool": np.array([np.True_, np.False_], dtype=object),
        "text": ["a", "ü"],
        "text or none": ["a", None],
        "text or nan": np.array(["a", np.nan], dtype=object),
        "text or NA": np.array([pd.NA, "a"], dtype=object),
        "object text": np.array(["a", "b"], dtype=object),
        "numpy text": np.array([np.str_("a"), np.str_("b")], dtype=object),
        "string": pd.array(["a", None], dtype="string"),
        "only none": [None, None],
        "only NA": np.array([pd.NA, pd.NA], dtype=object),
        "bytes": [b"a", b"b"],
        "bytearray": [bytearray(b"a"), bytearray(b"b")],
        "texts in categories": pd.Categorical(["a", "b"]),
        "whole numbers in categories": pd.Categorical([1, 2]),
        "categories or none": pd.Categorical(["a", None]),
        "datetime": pd.to_datetime(["2020-01-01", "2021-01-01"]),
        "datetime with zone": pd.to_datetime(["2020-01-01", "2021-01-01"], utc=True),
        "datetime or none": [pd.NaT, pd.Timestamp("2020")],
        "object datetime": np.array([pd.Timestamp("2020").to_pydatetime()] * 2, dtype=object),
        "date": [dt.date(2020, 1, 1), dt.date(2021, 1, 1)],
        "object whole": np.array([1, 2], dtype=object),
        "object whole or none": np.array([1, None], dtype=object),
        "object whole and double": np.array([1, 2.5], dtype=object),
        "object double or none": np.array([1.5, None], dtype=object),
        "timedelta": pd.to_timedelta([1, 2]),
        "decimal": [decimal.Decimal(1), decimal.Decimal(2)],
        "complex": np.array([1j, 2]),
        "mixed": [1, "a"],
        "period": pd.period_range("2020", periods=2, freq="D"),
        "uuid": [uuid.UUID(int=1), uuid.UUID(int=2)],
        "time": [dt.time(1), dt.time(2)],
        "tuple": [(1, 2), (3, 4)],
    }


def frames() -> dict[str, tuple[pd.DataFrame, dict[str, Any]]]:
    """Data frames, with what is given to `from_pandas` beside them."""
    many = pd.DataFrame({"a": np.arange(12_000), "b": [str(number) for number in range(12_000)]})
    plain = pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]})
    alone: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
        name: (pd.DataFrame({name: values}), {}) for name, values in columns().items()
    }
    given = {"name": "given", "targets": "x", "predictions": "y"}
    return {
        **alone,
        "several": (pd.DataFrame({"b": [1, 2], "a": ["x", "y"], "c": [True, False], "d": [0.5, None]}), {}),
        "longer than what is hashed": (many, {}),
        "named": (plain, given),
        "known digest": (plain, {"digest": "abc"}),
        "from a store": (plain, {"source": "s3://bucket/key"}),
        "from the web": (plain, {"source": "https://host/file.csv"}),
        "from a file": (plain, {"source": "file:///data/x"}),
        "with an index": (plain.set_index("y"), {}),
        "numbered columns": (pd.DataFrame(np.ones((2, 3))), {}),
        "tuples as columns": (pd.DataFrame({("a", "b"): [1]}), {}),
        "no rows": (pd.DataFrame({"a": [], "b": pd.Series([], dtype="int64")}), {}),
        "no columns": (pd.DataFrame(), {}),
        "one name twice": (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}),
    }


def polars_frames() -> dict[str, tuple[pl.DataFrame, dict[str, Any]]]:
    """Polars data frames, with what is given to `from_polars` beside them."""
    whole = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
    plain = pl.DataFrame({"x": [1.0, None], "y": ["a", "b"]})
    times = {
        "date": [dt.date(2020, 1, 1)],
        "datetime": [pd.Timestamp("2020").to_pydatetime()],
        "time": [dt.time(1)],
        "duration": [dt.timedelta(1)],
    }
    columns: dict[str, pl.Series] = {
        **{str(kind): pl.Series([1, 2], dtype=kind) for kind in (*whole, pl.Float32, pl.Float64)},
        **{name: pl.Series(values) for name, values in times.items()},
        "bool": pl.Series([True, None]),
        "bytes": pl.Series([b"a"]),
        "category": pl.Series(["a", "b"], dtype=pl.Categorical),
        "enum": pl.Series(["a"], dtype=pl.Enum(["a", "b"])),
        "decimal": pl.Series([decimal.Decimal(1)]),
        "only none": pl.Series([None, None]),
        "no text": pl.Series([None], dtype=pl.String),
        "list": pl.Series([[1], [2, 3]]),
        "list of lists": pl.Series([[["a"]]]),
        "array": pl.Series([[1.0, 2.0]], dtype=pl.Array(pl.Float64, 2)),
        "list of times": pl.Series([[dt.time(1)]]),
        "struct": pl.Series([{"b": 1, "a": "x"}]),
        "struct in list": pl.Series([[{"a": [1.5]}]]),
    }
    alone: dict[str, tuple[pl.DataFrame, dict[str, Any]]] = {
        name: (pl.DataFrame({name: values}), {}) for name, values in columns.items()
    }
    given = {"name": "given", "targets": "x", "predictions": "y"}
    return {
        **alone,
        "several": (plain, {}),
        "named": (plain, given),
        "known digest": (plain, {"digest": "abc"}),
        "no rows": (plain.head(0), {}),
        "no columns": (pl.DataFrame(), {}),
    }


def arrays() -> dict[str, tuple[Any, Any]]:
    """Features and targets."""
    return {
        "matrix": (np.arange(6).reshape(2, 3), None),
        "with targets": (np.array([1.5, 2]), np.array([1, 0])),
        "by name": ({"b": np.ones(3), "a": np.zeros((3, 2), dtype="float32")}, {"t": np.ones(2)}),
        "no dimension": (np.array(5), None),
        "no dimension of targets": (np.ones(2), np.array(5)),
        "text": (np.array(["a", "bc"]), None),
        "bytes": (np.array([b"a"]), None),
        "objects": (np.array(["a", 1], dtype=object), None),
        "lists": (np.array([[1], [1, 2], None], dtype=object), None),
        "bool": (np.array([True]), None),
        "datetime": (np.array(["2020"], dtype="datetime64[D]"), None),
        "empty": (np.zeros((0, 3)), None),
        "complex": (np.array([1j]), None),
        "half": (np.zeros((2, 2), dtype="float16"), {"a": np.ones(1)}),
        "other endian": (np.array([1], dtype=">i4"), None),
        "records": (np.zeros(2, dtype=[("a", "i4")]), None),
        "more than is hashed": (np.arange(30_000, dtype="float64").reshape(100, 300), None),
    }


def described(data: Any) -> dict[str, dict[str, Any]]:
    """What `data`, MLflow's module or ours, makes of all of them."""
    told = {}
    for name, (frame, options) in frames().items():
        told[f"pandas: {name}"] = data.from_pandas(frame, **{"source": SOURCE, **options}).to_dict()
    for name, (features, targets) in arrays().items():
        told[f"numpy: {name}"] = data.from_numpy(features, source=SOURCE, targets=targets).to_dict()
    for name, (table, options) in polars_frames().items():
        told[f"polars: {name}"] = data.from_polars(table, **{"source": SOURCE, **options}).to_dict()
    return told


def main() -> None:
    """Prints what MLflow makes of them."""
    warnings.simplefilter("ignore")
    import mlflow.data
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.types import ColSpec, Schema

    address = HTTPDatasetSource("https://host/file.csv")
    schema = Schema([ColSpec("long", "a"), ColSpec("string", "b", required=False)])
    meta = {
        "plain": MetaDataset(address),
        "named": MetaDataset(address, name="n", schema=schema),
        "known": MetaDataset(address, name="n", digest="abc"),
    }
    told = described(mlflow.data)
    print(json.dumps(told | {f"meta: {name}": item.to_dict() for name, item in meta.items()}))


if __name__ == "__main__":
    main()
