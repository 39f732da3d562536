"""Every deliberate difference from MLflow really occurs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tracking_client.models import deliberate, judge
from tests.tracking_client.models.deliberate import Difference
from tracking_client.models import enforce_schema
from tracking_client.types import Schema


def _named(differences: tuple[Difference, ...]) -> list[Any]:
    return [pytest.param(difference, id=difference.name) for difference in differences]


def _check(difference: Difference, answers: tuple[Any, Any]) -> None:
    theirs, ours = answers
    assert difference.theirs in str(theirs), "MLflow has changed"
    assert difference.ours in str(ours)


@pytest.mark.parametrize("difference", _named(deliberate.INFERENCE))
def test_a_schema_is_inferred_otherwise(difference: Difference) -> None:
    _check(difference, judge.inferred(difference.data()))


@pytest.mark.parametrize("difference", _named(deliberate.KINDER))
def test_data_that_mlflow_refuses_is_taken(difference: Difference) -> None:
    assert difference.schema is not None
    answers = judge.enforced(difference.data(), difference.schema)
    _check(difference, answers)
    assert judge.is_refusal(answers[0])
    assert not judge.is_refusal(answers[1])


@pytest.mark.parametrize("difference", _named(deliberate.STRICTER))
def test_what_mlflow_lets_pass_is_refused_or_kept(difference: Difference) -> None:
    assert difference.schema is not None
    answers = judge.enforced(difference.data(), difference.schema)
    _check(difference, answers)
    assert not judge.is_refusal(answers[0])


@pytest.mark.parametrize("difference", _named(deliberate.PARAMS_INFERENCE))
def test_a_schema_of_parameters_is_inferred_otherwise(difference: Difference) -> None:
    _check(difference, judge.params_inferred(difference.data()))


@pytest.mark.parametrize("difference", _named(deliberate.PARAMS))
def test_parameters_are_taken_otherwise(difference: Difference) -> None:
    assert difference.schema is not None
    _check(difference, judge.params_enforced(difference.data(), difference.schema))


@pytest.mark.parametrize("difference", _named(deliberate.READING))
def test_json_is_read_otherwise(difference: Difference) -> None:
    _check(difference, judge.read(difference.data()))


def test_a_missing_text_in_a_list_is_none_and_not_the_text_none() -> None:
    found = enforce_schema([{"a": ["x", None]}], Schema.from_json(deliberate.array("string")))
    assert found["a"][0] == ["x", None]
