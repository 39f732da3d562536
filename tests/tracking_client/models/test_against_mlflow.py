"""Property tests: MLflow and we give the same answers, but where `deliberate.py` says otherwise."""

from __future__ import annotations

import json
import os
from typing import Any

import mlflow.models
import mlflow.types.schema
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.tracking_client.models import data, judge
from tracking_client.models import ModelSignature, enforce_schema, infer_schema
from tracking_client.types import ParamSchema, Schema

_EXAMPLES = int(os.environ.get("RUNNER_TEST_EXAMPLES", "100"))
# The same examples in each run: a new difference is for who looks for one, with more of them, not for a
# commit that has nothing to do with it.
_SLOW = settings(
    derandomize=_EXAMPLES == 100,
    max_examples=_EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@_SLOW
@given(data.datasets())
def test_values_have_the_schema_that_mlflow_infers(value: Any) -> None:
    theirs, ours = judge.inferred(value)
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(data.rows())
def test_rows_have_the_schema_that_mlflow_infers(rows: list[dict[str, Any]]) -> None:
    theirs, ours = judge.inferred(rows)
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(data.frames())
def test_tables_have_the_schema_that_mlflow_infers(frame: pd.DataFrame) -> None:
    theirs, ours = judge.inferred(frame)
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(data.ARRAYS | st.dictionaries(data.NAMES, data.ARRAYS, min_size=1, max_size=3))
def test_arrays_have_the_schema_that_mlflow_infers(arrays: Any) -> None:
    theirs, ours = judge.inferred(arrays)
    assert judge.same(theirs, ours), (theirs, ours)


@pytest.mark.parametrize("dtype", [*"?bBhHiIlLqQefdgFDGSUO", "M8[ns]", "M8[s]", "m8[ns]"])
def test_every_type_of_numpy_has_the_schema_that_mlflow_infers(dtype: str) -> None:
    array = np.zeros((2, 2), dtype=dtype)
    for made in (
        array,
        {"x": array},
        pd.DataFrame({"x": array[:, 0]}),
        pd.DataFrame({"x": array[:, 0]}).iloc[:0],
    ):
        theirs, ours = judge.inferred(made)
        assert judge.same(theirs, ours), (made, theirs, ours)


@pytest.mark.parametrize("values", [["a", "b"], [1, 2], [0.5, 1.5], [True, False], ["a", None]])
def test_categories_have_the_schema_that_mlflow_infers(values: list[Any]) -> None:
    theirs, ours = judge.inferred(pd.DataFrame({"x": pd.Series(values, dtype="category")}))
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(data.frames())
def test_tables_of_polars_have_the_schema_of_those_of_pandas(frame: pd.DataFrame) -> None:
    plain = frame.select_dtypes(["bool", "int32", "int64", "float32", "float64"])
    assume(len(plain.columns) and not plain.isna().any(axis=None))  # polars tells NaN from what is missing
    assert infer_schema(pl.from_pandas(plain)).to_json() == judge.inferred(plain)[0]


@_SLOW
@given(data.frames(), data.frames())
def test_tables_fit_a_schema_where_they_do_in_mlflow(frame: pd.DataFrame, other: pd.DataFrame) -> None:
    schema = infer_schema(other)
    theirs, ours = judge.enforced(frame, schema.to_json())
    if any(_is_deliberate(frame[spec.name], spec) for spec in schema.inputs if spec.name in frame.columns):
        assert judge.is_refusal(theirs) or judge.is_refusal(ours) or _alike(theirs, ours)
    else:
        assert judge.same(theirs, ours), (theirs, ours)


def _is_deliberate(column: pd.Series[Any], spec: Any) -> bool:
    """Whether the column and its type are among the differences: they only make one of both refuse."""
    kind, missing = str(spec.type).removeprefix("DataType."), bool(column.isna().any())
    dtype: Any = getattr(column.dtype, "numpy_dtype", column.dtype)
    if kind == "Any" or bool(column.isna().all()):
        return True
    if kind in ("float", "double"):
        return dtype.kind in "iu" or column.dtype == object
    if kind in ("integer", "long"):
        return missing or column.dtype == object
    if kind == "boolean" and str(column.dtype) == "boolean" and missing:
        return True
    texts = dtype.kind == "O" or str(column.dtype) in ("str", "string")
    return (kind in ("string", "binary", "boolean") and texts) or (kind == "datetime" and texts)


def _alike(theirs: Any, ours: Any) -> bool:
    """The same values; the type of a column of objects may be another."""
    return {name: column[1] for name, column in theirs.items()} == {
        name: column[1] for name, column in ours.items()
    }


@_SLOW
@given(data.tables())
def test_dicts_and_rows_fit_columns_where_they_do_in_mlflow(table: tuple[Any, str]) -> None:
    theirs, ours = judge.enforced(*table)
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(st.data())
def test_plain_nested_values_fit_a_schema_where_they_do_in_mlflow(draw: st.DataObject) -> None:
    leaves: st.SearchStrategy[Any] = draw.draw(
        st.sampled_from([data.TEXTS, st.booleans(), st.floats(allow_nan=False), data.LONGS])
    )
    other: st.SearchStrategy[Any] = draw.draw(st.sampled_from([leaves, data.TEXTS]))
    shape = draw.draw(st.sampled_from([_lists, _objects, _lists_of_objects]))
    row = {"a": draw.draw(shape(leaves)), "b": draw.draw(leaves)}
    schema = infer_schema([row]).to_json()
    assume('"any"' not in schema)
    theirs, ours = judge.enforced([{"a": draw.draw(shape(other)), "b": draw.draw(leaves)}], schema)
    assert judge.same(theirs, ours), (schema, theirs, ours)


def _lists(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.lists(leaves, min_size=1, max_size=3), min_size=1, max_size=2)


def _objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(["x", "y", "z"]), leaves, min_size=1, max_size=3)


def _lists_of_objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(_objects(leaves), min_size=1, max_size=3)


@_SLOW
@given(data.ARRAYS, data.ARRAYS)
def test_arrays_fit_a_tensor_where_they_do_in_mlflow(array: Any, other: Any) -> None:
    theirs, ours = judge.enforced(array, infer_schema(other).to_json())
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(st.dictionaries(data.NAMES, data.ARRAYS, min_size=1, max_size=2), data.ARRAYS, st.booleans())
def test_arrays_by_name_fit_tensors_where_they_do_in_mlflow(
    arrays: dict[str, Any], other: Any, keep: bool
) -> None:
    schema = infer_schema(arrays).to_json()
    given_arrays = {**arrays, "c": other} if keep else {"c": other}
    theirs, ours = judge.enforced(given_arrays, schema)
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(
    data.datasets(least=1)
    | data.rows(least=1)
    | data.frames()
    | data.ARRAYS
    | st.dictionaries(data.NAMES, data.ARRAYS, min_size=1, max_size=3)
)
def test_data_fits_the_schema_that_it_has(value: Any) -> None:
    ours = judge.inferred(value)[1]
    assume(not judge.is_refusal(ours))
    enforce_schema(value, Schema.from_json(ours))


@_SLOW
@given(data.PARAMS)
def test_parameters_have_the_schema_that_mlflow_infers(defaults: dict[str, Any]) -> None:
    theirs, ours = judge.params_inferred(defaults)
    assert judge.same(theirs, ours), (theirs, ours)


@_SLOW
@given(data.PARAMS, data.PARAMS)
def test_parameters_fit_where_they_do_in_mlflow(defaults: dict[str, Any], given: dict[str, Any]) -> None:
    schema = judge.params_inferred(defaults)[1]
    assume(not judge.is_refusal(schema))
    theirs, ours = judge.params_enforced(given, schema)
    assert judge.same(theirs, ours), (schema, theirs, ours)


@_SLOW
@given(data.SCHEMAS)
def test_json_is_read_and_written_as_mlflow_does(schema: str) -> None:
    theirs, ours = judge.read(schema)
    assert theirs == ours
    assert json.loads(ours) == json.loads(schema)
    assert repr(Schema.from_json(schema)) == repr(mlflow.types.schema.Schema.from_json(schema))


@_SLOW
@given(data.SCHEMAS, data.SCHEMAS, data.PARAMS)
def test_a_signature_of_ours_is_one_of_mlflows_and_the_other_way_round(
    inputs: str, outputs: str, defaults: dict[str, Any]
) -> None:
    params = judge.params_inferred(defaults)[1]
    known = None if judge.is_refusal(params) or params == "[]" else ParamSchema.from_json(params)
    ours = ModelSignature(Schema.from_json(inputs), Schema.from_json(outputs), known)
    theirs = mlflow.models.ModelSignature.from_dict(ours.to_dict())
    assert theirs.to_dict() == ours.to_dict()
    assert repr(theirs) == repr(ours)
    again = ModelSignature.from_dict(theirs.to_dict())
    assert again.to_dict() == ours.to_dict()
    assert (again.inputs, again.outputs) == (ours.inputs, ours.outputs)


@_SLOW
@given(data.frames())
def test_what_fits_is_not_changed(frame: pd.DataFrame) -> None:
    before = frame.copy(deep=True)
    schema = Schema.from_json(judge.inferred(frame)[1])
    found = enforce_schema(frame, schema)
    pd.testing.assert_frame_equal(frame, before)
    assert list(found.columns) == list(frame.columns)
    assert [len(found), *found.index] == [len(frame), *frame.index]
    assert np.array_equal(found.isna(), frame.isna())
