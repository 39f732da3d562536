"""What is said of data that does not fit, and what becomes of data that does."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tracking_client.errors import InvalidArgument
from tracking_client.models import enforce_params, enforce_schema, infer_schema, validate_schema
from tracking_client.types import (
    Array,
    ColSpec,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)
from tracking_client.types.mismatch import Mismatch

_ZONED = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
_CHAT = Schema(
    [
        ColSpec(
            Array(Object([Property("role", "string"), Property("parts", Array("long"), required=False)])),
            "messages",
        ),
        ColSpec(Map("double"), "options", required=False),
    ]
)


def _schema(kind: str, *, required: bool = True) -> Schema:
    return Schema([ColSpec(kind, "age", required)])


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([{"role": "u"}] * 3 + [{"role": 7}], "messages[3].role: expected string, got int (7), in row 1."),
        (
            [{"role": "u", "parts": [1, 2.5]}],
            "messages[0].parts[1]: expected long, got float (2.5), in row 1.",
        ),
        ([{"parts": []}], "messages[0].role: expected string (required), got nothing, in row 1."),
        ([{"role": "u", "rolle": 1}], "got properties that it does not know: 'rolle'"),
        (["u"], "messages[0]: expected an object {parts: Array(long) (optional), role: string (required)}"),
        (("u",), "messages: expected Array({parts: Array(long) (optional), role: string (required)})"),
        (None, "got None, in row 1."),
    ],
)
def test_an_error_says_the_path_the_row_and_both_types(messages: Any, said: str) -> None:
    with pytest.raises(Mismatch) as caught:
        enforce_schema([{"messages": [{"role": "u"}]}, {"messages": messages}], _CHAT)
    assert said in caught.value.message
    assert caught.value.row == 1
    assert caught.value.path.startswith("messages")
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_an_error_within_a_map_says_the_key() -> None:
    with pytest.raises(Mismatch, match=r"options\['top p'\]: expected double, got str \('x'\)"):
        enforce_schema([{"messages": [], "options": {"top p": "x"}}], _CHAT)
    with pytest.raises(Mismatch, match="options: expected keys that are text, got the key int"):
        enforce_schema([{"messages": [], "options": {1: 1.0}}], _CHAT)


@pytest.mark.parametrize(
    ("kind", "column", "said"),
    [
        ("long", [1.5], "age: expected long, got float64. A conversion could lose digits"),
        ("integer", [1], "age: expected integer, got int64. A conversion could lose digits"),
        ("float", [1.5], "age: expected float, got float64. A conversion could lose digits"),
        ("double", [2**53 + 1], "age: expected double, got int64."),
        ("double", [True], "age: expected double, got bool."),
        ("long", ["1"], "age: expected long, got str"),
        (
            "long",
            [1.0, None],
            "age: expected long, got float64. Whole numbers with missing values become floats",
        ),
        ("datetime", [_ZONED], "Make it naive first"),
        (
            "datetime",
            ["yesterday"],
            "age: expected datetime, got str ('yesterday'), in row 0. Text must be ISO",
        ),
        ("datetime", [dt.datetime.fromisoformat("3000-01-01")], "between the years 1678 and 2261"),
        ("boolean", [1], "age: expected boolean, got int64."),
        ("string", [1], "age: expected string, got int64."),
        ("double", [pd.Timedelta(1)], "age: expected double, got timedelta64"),
        ("double", [1j], "age: expected double, got complex128"),
    ],
)
def test_a_column_that_does_not_fit_says_why(kind: str, column: list[Any], said: str) -> None:
    with pytest.raises(Mismatch) as caught:
        enforce_schema(pd.DataFrame({"age": column}), _schema(kind))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            pd.DataFrame({"b": [1]}),
            "lacks columns of the signature: 'age': long (required). What the signature",
        ),
        (pd.DataFrame([[1, 2]], columns=["age", "age"]), "has columns twice: 'age'"),
        ({"age": [1, 2], "b": [1]}, None),
        (None, "None has none: pass a DataFrame"),
        ((1, 2), "tuple has none"),
        (np.zeros((2, 2, 2)), "is no table"),
        ([[1, 2]], "lacks columns"),
    ],
)
def test_data_without_the_columns_says_which(data: Any, said: str | None) -> None:
    if said is None:
        with pytest.warns(UserWarning, match="left out: 'b'"):
            assert len(enforce_schema(data, _schema("long"))) == 2
        return
    with pytest.raises(InvalidArgument) as caught:
        validate_schema(data, _schema("long"))
    assert said in caught.value.message


def test_columns_of_different_lengths_are_refused_with_the_lengths() -> None:
    schema = Schema([ColSpec("long", "a"), ColSpec("long", "b")])
    with pytest.raises(InvalidArgument, match="must have one length: 'a' has 2, 'b' has 1"):
        enforce_schema({"a": [1, 2], "b": [1]}, schema)


def test_columns_come_in_the_order_of_the_schema_and_others_are_left_out_with_a_warning() -> None:
    schema = Schema([ColSpec("long", "a"), ColSpec("long", "b"), ColSpec("long", "c", required=False)])
    frame = pd.DataFrame({"z": [0], "b": [2], "a": [1]}, index=["row"])
    with pytest.warns(UserWarning, match="left out: 'z'"):
        found = enforce_schema(frame, schema)
    assert (list(found.columns), list(found.index)) == (["a", "b"], ["row"])


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"age": [1, 2]}),
        pl.DataFrame({"age": [1, 2]}),
        pl.LazyFrame({"age": [1, 2]}),
        pl.Series("age", [1, 2]),
        pd.Series([1, 2], name="age"),
        {"age": [1, 2]},
        {"age": (1, 2)},
        {"age": {0: 1, 1: 2}},
        {"age": np.array([1, 2])},
        {"age": pd.Series([1, 2], index=[5, 6])},
        [{"age": 1}, {"age": 2}],
        np.array([(1,), (2,)], dtype=[("age", "i8")]),
    ],
    ids=lambda data: type(data).__name__,
)
def test_a_table_may_come_in_any_shape(data: Any) -> None:
    found = enforce_schema(data, _schema("long"))
    pd.testing.assert_frame_equal(found, pd.DataFrame({"age": np.array([1, 2], dtype="int64")}))


@pytest.mark.parametrize("data", [[1, 2], np.array([1, 2]), np.array([[1], [2]]), pd.Series([1, 2])])
def test_columns_without_names_are_taken_by_position(data: Any) -> None:
    found = enforce_schema(data, Schema([ColSpec("double")]))
    assert (list(found.iloc[:, 0]), found.dtypes.iloc[0]) == ([1.0, 2.0], np.dtype("float64"))


def test_large_whole_numbers_beside_missing_ones_keep_every_digit() -> None:
    large = 2**62 + 1
    found = enforce_schema([{"age": large}, {}], _schema("long", required=False))
    assert (found["age"][0], found["age"][1]) == (large, pd.NA)


def test_what_a_polars_table_is_inferred_as_it_fits() -> None:
    frame = pl.DataFrame(
        {
            "i": [1, None],
            "f": [1.5, None],
            "t": [dt.date(2020, 1, 1), None],
            "l": [[1], [2, None]],
            "s": [{"x": 1}, {"x": None}],
            "b": [True, None],
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
        }
    )
    found = enforce_schema(frame, infer_schema(frame))
    assert list(found["l"]) == [[1], [2, None]]
    assert [str(dtype) for dtype in found.dtypes[:3]] == ["Int64", "float64", "datetime64[ns]"]


class _Tensor:
    """What PyTorch's tensors and TensorFlow's have in common, for want of both: see `array_of_tensor`."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.dtype = array.shape, "framework.float32"

    def detach(self) -> _Tensor:
        return self

    def cpu(self) -> _Tensor:
        return self

    def numpy(self) -> Any:
        return self._array


def test_tensors_of_a_framework_are_their_arrays() -> None:
    array = np.ones((2, 3), dtype="float32")
    schema = infer_schema(_Tensor(array))
    assert schema == Schema([TensorSpec(np.dtype("float32"), (-1, 3))])
    assert enforce_schema(_Tensor(array), schema) is array
    assert infer_schema({"x": _Tensor(array)}).input_names() == ["x"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            np.zeros((2, 4), dtype="f4"),
            "The tensor: expected shape (-1, 3), where -1 is any length, got shape (2, 4)",
        ),
        (np.zeros((2, 3)), "The tensor: expected float32, got ndarray of float64. Tensors are not converted"),
        ([[1.0], [1.0, 2.0]], "expected a tensor of shape (-1, 3), got lists of different lengths"),
        ([["a", "b", "c"]], "expected float32, got list of <U1"),
        ({"x": np.zeros((2, 3))}, "pass an array, not a dict"),
        (None, "expected float32, got None of object"),
    ],
)
def test_a_tensor_that_does_not_fit_says_why(data: Any, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        enforce_schema(data, Schema([TensorSpec(np.dtype("float32"), (-1, 3))]))
    assert said in caught.value.message


def test_tensors_by_name_say_which_are_lacking() -> None:
    schema = Schema([TensorSpec(np.dtype("float64"), (-1,), "x"), TensorSpec(np.dtype("int64"), (-1,), "y")])
    with pytest.raises(InvalidArgument, match=r"of the signature: 'y'\. .* not know: 'z'"):
        enforce_schema({"x": np.zeros(1), "z": np.zeros(1)}, schema)
    with pytest.raises(InvalidArgument, match=r"tensors with names \('x', 'y'\): pass a dict"):
        enforce_schema(np.zeros(1), schema)
    with pytest.warns(UserWarning, match="left out: 'z'"):
        found = enforce_schema({"y": [1], "x": [1.5], "z": [1]}, schema)
    assert {name: str(array.dtype) for name, array in found.items()} == {"x": "float64", "y": "int64"}


def test_numbers_never_become_texts_in_tensors() -> None:
    schema = Schema([TensorSpec(np.dtype(str), (-1,), "x")])
    with pytest.raises(Mismatch, match="x: expected str, got list of int64"):
        enforce_schema({"x": [1]}, schema)


def test_numbers_of_lists_keep_their_values_or_are_refused() -> None:
    schema = Schema([TensorSpec(np.dtype("float16"), (-1,), "x")])
    assert enforce_schema({"x": [2048, 1]}, schema)["x"].tolist() == [2048.0, 1.0]
    for too_much in (2049, 1e300):
        with pytest.raises(Mismatch, match="x: expected float16, got list of"):
            enforce_schema({"x": [too_much]}, schema)
    assert enforce_schema({"x": [float("inf")]}, schema)["x"][0] == float("inf")


def test_fractions_never_become_whole_numbers_in_tensors() -> None:
    schema = Schema([TensorSpec(np.dtype("int64"), (-1,), "x")])
    with pytest.raises(Mismatch, match="x: expected int64, got Series of float64"):
        enforce_schema(pd.DataFrame({"x": [1.5]}), schema)
    with pytest.raises(Mismatch, match="x: expected int64, got list of float64"):
        enforce_schema({"x": [1.5]}, schema)


_PARAMS = ParamSchema([ParamSpec("lr", "double", 0.5), ParamSpec("stop", "string", [], (-1,))])


def test_parameters_that_are_not_given_have_their_defaults() -> None:
    assert enforce_params({"lr": 1}, _PARAMS) == {"lr": 1.0, "stop": []}
    assert enforce_params(None, None) == {}


def test_every_parameter_that_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidArgument) as caught:
        enforce_params({"lr": "x", "stop": ["a", 1]}, _PARAMS)
    assert "lr: expected double, got str ('x')." in caught.value.message
    assert "stop[1]: expected string, got int (1)." in caught.value.message


def test_parameters_that_the_model_does_not_take_are_left_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"left out: rl\. It takes lr, stop"):
        assert "rl" not in enforce_params({"rl": 1}, _PARAMS)
    with pytest.raises(InvalidArgument, match="are a dict from names to values, not list"):
        enforce_params([1], _PARAMS)  # type: ignore[arg-type]  # the wrong kind is the point


def test_an_empty_column_that_pandas_cannot_convert_is_refused_by_name() -> None:
    empty = pd.DataFrame({"at": pd.Series([], dtype="datetime64[ns]")})
    schema = Schema([ColSpec("float", "at")])
    with pytest.raises(Mismatch, match="at"):
        enforce_schema(empty, schema)
