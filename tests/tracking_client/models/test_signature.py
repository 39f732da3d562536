"""Signatures as values, and those of examples."""

from __future__ import annotations

import pandas as pd
import pytest

import tracking_client
from tracking_client.errors import InvalidArgument
from tracking_client.models import ModelSignature, infer_signature
from tracking_client.types import ColSpec, Schema


def test_the_names_of_mlflow_are_there() -> None:
    assert tracking_client.models.infer_signature is infer_signature
    assert tracking_client.types.Schema is Schema


def test_a_signature_has_the_schemas_of_its_examples() -> None:
    signature = infer_signature(pd.DataFrame({"a": [1.5, None]}), pd.Series(["x"]), {"lr": 0.5})
    assert signature.to_dict() == {
        "inputs": '[{"type": "double", "name": "a", "required": false}]',
        "outputs": '[{"type": "string", "required": true}]',
        "params": '[{"name": "lr", "default": 0.5, "shape": null, "type": "double"}]',
    }
    assert ModelSignature.from_dict(signature.to_dict()) == signature
    assert signature != infer_signature(pd.DataFrame({"a": [1.5]}))


def test_data_that_no_schema_describes_becomes_any_with_a_warning_that_says_why() -> None:
    with pytest.warns(UserWarning, match="The input of the model will not be checked: .* complex"):
        signature = infer_signature([{"a": 1j}])
    assert repr(signature.inputs) == "[Any (required)]"


def test_parameters_without_a_type_are_an_error_that_names_them_all() -> None:
    with pytest.raises(InvalidArgument) as caught:
        infer_signature(params={"good": 1, "bad": None, "worse": {1, 2}})
    assert "bad has no value" in caught.value.message
    assert "worse, which is set" in caught.value.message


def test_a_signature_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="all are None"):
        infer_signature()
    with pytest.raises(InvalidArgument, match="are a Schema or None, not 'x'"):
        ModelSignature(inputs="x")  # type: ignore[arg-type]  # the wrong kind is the point


def test_whole_numbers_do_not_warn() -> None:
    assert infer_signature([1]).inputs == Schema([ColSpec("long")])


def test_duplicate_columns_are_named() -> None:
    with pytest.warns(UserWarning, match="given twice: 'a'"):
        infer_signature(pd.DataFrame([[1, 2]], columns=["a", "a"]))
