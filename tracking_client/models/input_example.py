"""Examples of what a model takes, kept beside it as JSON in MLflow's forms.

`input_example.json` is the example, `serving_input_example.json` the body of a request to a model server.
Bytes are Base64 in both.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.types.containers import is_array, is_frame, is_polars, is_series, is_sparse, kind_of
from tracking_client.types.data_type import DataType
from tracking_client.types.schema import Schema
from tracking_client.types.specs import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EXAMPLE_FILE = "input_example.json"
SERVING_FILE = "serving_input_example.json"


@dataclass(frozen=True, slots=True)
class InputExample:
    """An example: the data for `predict`, and the params, where there are some."""

    data: Any
    params: Mapping[str, Any] | None

    @classmethod
    def of(cls, given: Any) -> InputExample:
        """The example that a user gives: the data, or a tuple of the data and a dict of params."""
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict):
            return cls(_as_pandas(given[0]), given[1])
        return cls(_as_pandas(given), None)

    def save(self, directory: Path) -> dict[str, Any]:
        """Writes both files; returns `saved_input_example_info` of the MLmodel file.

        Raises InvalidArgument for data that is no example.
        """
        form, value = _form_of(self.data)
        serving = {"dataframe_split" if form["type"] == "dataframe" else "inputs": _served(self.data, value)}
        example = value
        if self.params is not None:
            form["params"] = "true"
            example = {"inputs": value, "params": self.params}
            serving["params"] = self.params
        (directory / EXAMPLE_FILE).write_text(_json(example), encoding="utf-8")
        (directory / SERVING_FILE).write_text(_json(serving, indent=2), encoding="utf-8")
        return {"artifact_path": EXAMPLE_FILE, "serving_input_path": SERVING_FILE, **form}


def load_input_example(directory: Path, info: Mapping[str, Any], schema: Schema | None) -> Any:
    """The example of a saved model, without its params; a data frame where it was one.

    `schema` says of what types its columns or arrays are, which JSON does not know.
    Raises OSError, ValueError, KeyError for files that are not what `info` says.
    """
    path = directory / str(info["artifact_path"])
    if path.resolve().parent != directory.resolve():
        raise ValueError(f"the example {str(info['artifact_path'])!r} is outside the model")
    value = json.loads(path.read_text(encoding="utf-8"))
    if info.get("params") and isinstance(value, dict) and "inputs" in value:
        value = value["inputs"]
    kind, specs = info.get("type"), [] if schema is None else schema.inputs
    if kind == "dataframe":
        kinds = {str(at if spec.name is None else spec.name): spec.type for at, spec in enumerate(specs)}
        return _table(value, {name: kind for name, kind in kinds.items() if isinstance(kind, DataType)})
    if kind == "ndarray":
        dtypes = {spec.name: spec.type for spec in specs if isinstance(spec, TensorSpec)}
        if isinstance(value, dict):
            return {name: _array(item, dtypes.get(name)) for name, item in value.items()}
        return _array(value, dtypes.get(None))
    if kind in ("sparse_matrix_csr", "sparse_matrix_csc"):
        from scipy import sparse

        matrix = sparse.csr_matrix if kind == "sparse_matrix_csr" else sparse.csc_matrix
        return matrix((value["data"], value["indices"], value["indptr"]), shape=tuple(value["shape"]))
    return value


def _array(value: Any, dtype: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.array(value, dtype=dtype if dtype is not None and dtype.kind in "biufcmM" else None)


def _table(value: Any, types: Mapping[str, DataType]) -> pd.DataFrame:
    import pandas as pd

    table = (
        pd.DataFrame(value["data"], columns=value.get("columns"))
        if isinstance(value, dict)
        else pd.DataFrame(value)
    )
    for name in table.columns:
        kind = types.get(str(name))
        if kind is DataType.datetime:
            table[name] = pd.to_datetime(table[name]).astype(kind.to_numpy())
        elif kind is DataType.binary:
            table[name] = [base64.b64decode(item) if isinstance(item, str) else item for item in table[name]]
        elif kind is not None and kind is not DataType.string and not bool(table[name].isna().any()):
            table[name] = table[name].astype(kind.to_numpy())
    return table


def _as_pandas(data: Any) -> Any:
    if is_series(data):
        return data.to_frame()
    if is_polars(data):
        from tracking_client.models.enforcement.tables import table_of_polars

        return table_of_polars(data)
    return data


def _form_of(data: Any) -> tuple[dict[str, Any], Any]:
    """`type` and more of the description, and what JSON shall hold."""
    if is_frame(data):
        value = {"columns": list(data.columns), "data": _rows(data)}
        if value["columns"] != list(range(len(data.columns))):
            return {"type": "dataframe", "pandas_orient": "split"}, value
        return {"type": "dataframe", "pandas_orient": "values"}, {"data": value["data"]}
    if is_array(data):
        return {"type": "ndarray"}, _plain(data)
    if is_sparse(data) and data.format in ("csr", "csc"):
        parts = {name: getattr(data, name).tolist() for name in ("data", "indices", "indptr")}
        return {"type": f"sparse_matrix_{data.format}"}, {**parts, "shape": list(data.shape)}
    if isinstance(data, dict) and any(is_array(item) for item in data.values()):
        if not all(is_array(item) for item in data.values()):
            raise InvalidArgument("An input example that is a dict holds arrays only, or none")
        return {"type": "ndarray"}, {name: _plain(item) for name, item in data.items()}
    if isinstance(data, (dict, list, str, bytes, bool, int, float, dt.datetime)) or hasattr(data, "item"):
        return {"type": "json_object"}, data
    raise InvalidArgument(
        f"An input example cannot be {kind_of(data)}: give a DataFrame, an array, a dict of arrays, a sparse "
        "matrix (csr or csc), a dict, a list or a single value"
    )


def _served(data: Any, value: Any) -> Any:
    return data.toarray().tolist() if is_sparse(data) else value


def _plain(array: Any) -> Any:
    """Nested lists of an array; dates are ISO 8601, so that they are read again as what they were."""
    return array.astype(str).tolist() if array.dtype.kind in "mM" else array.tolist()


def _rows(table: pd.DataFrame) -> list[list[Any]]:
    columns = [[_cell(value) for value in table.iloc[:, at].tolist()] for at in range(table.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any) -> Any:
    """The value; None, which JSON knows, for every kind of missing one."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return None if isinstance(value, float) and math.isnan(value) else value


def _json(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(value, default=_as_json, indent=indent, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"The input example cannot be kept as JSON: {error}") from None


def _as_json(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")
    for convert in ("isoformat", "tolist", "model_dump"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"{kind_of(value)} is no value of JSON")


__all__ = ["EXAMPLE_FILE", "SERVING_FILE", "InputExample", "load_input_example"]
