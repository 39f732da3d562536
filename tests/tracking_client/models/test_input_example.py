"""Examples of input are kept as MLflow keeps them, and read again as what they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

import tracking_client as tracking
from tests.tracking_client.models.mlflow_quietly import mlflow, quiet
from tracking_client.errors import InvalidArgument
from tracking_client.models.input_example import InputExample, load_input_example

EXAMPLES: dict[str, Any] = {
    "table": pd.DataFrame({"a": [1.5, 2.0], "s": ["x", "y"], "n": [1, 2]}),
    "table with dates and bytes": pd.DataFrame(
        {"t": pd.to_datetime(["2020-01-02", "2021-03-04"]), "b": [b"x", b"y"]}
    ),
    "table without names": pd.DataFrame([[1, 2], [3, 4]]),
    "array": np.arange(6.0).reshape(2, 3),
    "truth values": np.array([True, False]),
    "dict of arrays": {"a": np.array([1.0]), "b": np.array([[1, 2]])},
    "dict": {"a": [1, 2], "b": "x"},
    "rows": [{"a": 1}, {"a": 2}],
    "texts": ["x", "y"],
    "text": "hello",
    "number": 5,
    "csr": sparse.csr_matrix(np.eye(2)),
    "csc": sparse.csc_matrix(np.eye(2)),
    "with params": (np.array([1.0]), {"p": 1}),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_both_files_are_those_of_mlflow(kind: str, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    info = InputExample.of(EXAMPLES[kind]).save(tmp_path / "ours")
    with quiet():
        theirs = mlflow.models.utils._Example(EXAMPLES[kind])
    assert info == theirs.info
    assert json.loads((tmp_path / "ours/input_example.json").read_text()) == json.loads(
        theirs.json_input_example
    )
    served = (tmp_path / "ours/serving_input_example.json").read_text()
    assert json.loads(served) == json.loads(theirs.json_serving_input)


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind != "with params"])
def test_an_example_is_read_again_as_what_it_was(kind: str, tmp_path: Path) -> None:
    example = EXAMPLES[kind]
    tracking.pyfunc.save_model(tmp_path / "model", python_model=lambda data: 1, input_example=example)
    read = tracking.pyfunc.load_model(tmp_path / "model").input_example
    if isinstance(example, pd.DataFrame):
        times = example.select_dtypes("datetime").columns
        pd.testing.assert_frame_equal(read, example.astype(dict.fromkeys(times, "datetime64[ns]")))
    elif sparse.issparse(example):
        assert read.format == example.format
        np.testing.assert_array_equal(read.toarray(), example.toarray())
    else:
        np.testing.assert_equal(read, example)


def test_series_and_polars_become_tables(tmp_path: Path) -> None:
    assert InputExample.of(pd.Series([1], name="a")).save(tmp_path)["type"] == "dataframe"
    info = InputExample.of(pl.DataFrame({"a": [1.0], "b": ["x"]})).save(tmp_path)
    assert load_input_example(tmp_path, info, None).to_dict("list") == {"a": [1.0], "b": ["x"]}


def test_missing_values_are_null(tmp_path: Path) -> None:
    InputExample.of(pd.DataFrame({"a": [1.0, None], "t": [pd.NaT, pd.NaT]})).save(tmp_path)
    assert json.loads((tmp_path / "input_example.json").read_text())["data"] == [[1.0, None], [None, None]]


@pytest.mark.parametrize(
    "value",
    [object(), {"a": np.ones(1), "b": 1}, {1, 2}, [object()]],
    ids=["object", "array beside number", "set", "list of objects"],
)
def test_what_is_no_example_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        InputExample.of(value).save(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(arrays.arrays(st.sampled_from([np.int64, np.float64, np.bool_]), arrays.array_shapes(min_side=1)))
def test_any_array_is_read_again_as_it_was(tmp_path: Path, array: Any) -> None:
    info = InputExample.of(array).save(tmp_path)
    np.testing.assert_array_equal(load_input_example(tmp_path, info, None), array)
