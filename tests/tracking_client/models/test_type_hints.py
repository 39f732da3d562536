"""Signatures from the type hints of `predict`, as MLflow makes them."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional, Union

import mlflow.types.type_hints as theirs
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

import tracking_client as tracking
from tests.tracking_client.models.mlflow_quietly import mlflow, quiet
from tests.tracking_client.models.test_against_mlflow import _SLOW
from tracking_client.errors import InvalidArgument
from tracking_client.models import Model, infer_signature
from tracking_client.models.python_model import PredictHints
from tracking_client.models.type_hints import fitted_to_hint, input_schema_of

_LEAVES: st.SearchStrategy[Any] = st.sampled_from([int, str, bool, float, bytes, dt.datetime, Any])


def _within(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        inner.map(lambda hint: list[hint])  # type: ignore[valid-type]  # made at run time
        | inner.map(lambda hint: dict[str, hint])  # type: ignore[valid-type]  # made at run time
        | inner.map(lambda hint: Optional[hint])  # noqa: UP045  # made at run time
        | st.tuples(inner, inner).map(lambda hints: Union[hints])  # noqa: UP007  # made at run time
    )


HINTS = st.recursive(_LEAVES, _within, max_leaves=5)
STRANGE: st.SearchStrategy[Any] = st.sampled_from(
    [set, complex, list, dict, dict[int, str], set[int], tuple[int, ...], list[set], object]  # type: ignore[type-arg]  # on purpose
)
_TIME = dt.datetime.fromisoformat("2026-01-01")
VALUES = st.recursive(
    st.sampled_from([1, -5, "a", "", True, 0.5, b"x", _TIME, None, {1}]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=5,
)


def _answer(call: Callable[[], Any]) -> Any:
    with quiet():
        try:
            return call()
        except (MlflowException, InvalidArgument):
            return "refused"


@_SLOW
@given(HINTS | STRANGE | STRANGE.flatmap(lambda hint: _within(st.just(hint))))
def test_hints_have_the_schema_that_mlflow_infers(hint: Any) -> None:
    rows: Any = list[hint]
    expected = _answer(lambda: theirs._infer_schema_from_list_type_hint(rows).to_json())

    def ours() -> Any:
        schema = input_schema_of(PredictHints(rows))
        assert schema is not None
        return schema.to_json()

    assert _answer(ours) == expected


@_SLOW
@given(HINTS, st.lists(VALUES, max_size=3) | VALUES)
def test_data_fits_a_hint_where_it_does_in_mlflow(hint: Any, value: Any) -> None:
    rows: Any = list[hint]
    expected = _answer(lambda: theirs._validate_data_against_type_hint(value, rows))
    assert repr(_answer(lambda: fitted_to_hint(value, rows))) == repr(expected)


class Message(pydantic.BaseModel):
    """What a chat is made of."""

    role: str
    text: str | None = None
    marks: list[int] = []


def test_a_model_of_pydantic_is_an_object_and_dicts_become_it() -> None:
    rows = list[Message]
    with quiet():
        expected = theirs._infer_schema_from_list_type_hint(rows)
    schema = input_schema_of(PredictHints(rows))
    assert schema is not None
    assert schema.to_json() == expected.to_json()
    given_data = [{"role": "user"}, Message(role="bot", text="hi")]
    assert fitted_to_hint(given_data, rows) == [Message(role="user"), Message(role="bot", text="hi")]
    with pytest.raises(InvalidArgument, match=r"data\[0\]: expected Message, got dict. role: Field required"):
        fitted_to_hint([{"text": "x"}], rows)
    with pytest.raises(InvalidArgument, match=r"data\[0\]: expected dict or Message, got int"):
        fitted_to_hint([1], rows)


def test_a_field_that_is_optional_needs_a_default() -> None:
    class Strict(pydantic.BaseModel):
        text: Optional[str]  # noqa: UP045  # read at run time

    with pytest.raises(InvalidArgument, match=r"Strict\.text is optional and has no default"):
        input_schema_of(PredictHints(list[Strict]))


def _shouting(hints: dict[str, Any]) -> Callable[[Any], Any]:
    def shout(model_input: Any) -> Any:
        return [text.upper() for text in model_input]

    shout.__module__ = "__main__"
    shout.__annotations__ = hints
    return shout


def test_the_hints_of_a_function_are_the_signature_of_the_model(tmp_path: Path) -> None:
    python_model = _shouting({"model_input": list[str], "return": list[str]})
    tracking.pyfunc.save_model(tmp_path / "ours", python_model=python_model, input_example=["a"])
    with quiet():
        mlflow.pyfunc.save_model(
            str(tmp_path / "theirs"),
            python_model=python_model,
            input_example=["a"],
            pip_requirements=["numpy"],
        )
    ours, expected = (Model.load(tmp_path / who).to_dict() for who in ("ours", "theirs"))
    said = ("signature", "is_signature_from_type_hint", "type_hint_from_example", "saved_input_example_info")
    assert {name: ours[name] for name in said} == {name: expected[name] for name in said}
    assert ours["is_signature_from_type_hint"] is True
    for who in ("ours", "theirs"):
        model = tracking.pyfunc.load_model(tmp_path / who)
        assert model.predict(["a", "b"]) == ["A", "B"]
        assert model.predict(pd.DataFrame({"x": ["c"]})) == ["C"]
        with pytest.raises(InvalidArgument, match=r"data\[1\]: expected str, got int \(7\)"):
            model.predict(["a", 7])
        with quiet():
            assert mlflow.pyfunc.load_model(str(tmp_path / who)).predict(["a", "b"]) == ["A", "B"]


def test_a_result_that_is_not_what_the_hint_says_may_be_anything(tmp_path: Path) -> None:
    python_model = _shouting({"model_input": list[str], "return": list[int]})
    with pytest.warns(UserWarning, match=r"not what its type hint says: data\[0\]: expected int"):
        tracking.pyfunc.save_model(tmp_path / "model", python_model=python_model, input_example=["a"])
    schema = Model.load(tmp_path / "model").get_output_schema()
    assert schema is not None
    assert json.loads(schema.to_json()) == [{"type": "any", "required": True}]


def test_hints_win_over_a_signature_that_says_something_else(tmp_path: Path) -> None:
    python_model = _shouting({"model_input": list[str]})
    with pytest.warns(UserWarning, match="signature of its type hints"):
        tracking.pyfunc.save_model(
            tmp_path / "model", python_model=python_model, signature=infer_signature([1], [1])
        )
    schema = Model.load(tmp_path / "model").get_input_schema()
    assert schema is not None
    assert schema.to_json() == '[{"type": "string", "required": true}]'


@pytest.mark.parametrize("hint", [list[set], list[Optional[int]]])  # type: ignore[type-arg]  # noqa: UP045  # on purpose
def test_a_hint_that_makes_no_signature_is_warned_of(hint: Any, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="make no signature"):
        tracking.pyfunc.save_model(tmp_path / "model", python_model=_shouting({"model_input": hint}))
    assert Model.load(tmp_path / "model").signature is None


@pytest.mark.parametrize("hint", [pd.DataFrame, Any, int, None])
def test_other_hints_leave_the_signature_to_the_example(hint: Any, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracking.pyfunc.save_model(
            tmp_path / "model",
            python_model=_shouting({} if hint is None else {"model_input": hint}),
            input_example=["a"],
            signature=infer_signature(["a"], ["A"]),
        )
    assert not Model.load(tmp_path / "model").is_signature_from_type_hint
