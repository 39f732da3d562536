"""Types and schemas as values: what they are made of, their JSON, and what they refuse to be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.types.schema
import numpy as np
import pytest

from tracking_client.errors import InvalidArgument
from tracking_client.types import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

# What a type checker would not let pass.
_TEXT: Any = "a"
_NUMBER: Any = 3
_ARRAY: Any = Array("long")
_MESSAGES = Array(Object([Property("role", "string"), Property("content", Map("string"), required=False)]))


def test_types_have_mlflows_names_and_numbers() -> None:
    theirs = mlflow.types.DataType
    assert [(kind.name, kind.value) for kind in DataType] == [(kind.name, kind.value) for kind in theirs]
    for kind in DataType:
        assert kind.to_numpy() == theirs[kind.name].to_numpy()
        assert kind.to_pandas() == theirs[kind.name].to_pandas()
        assert kind.to_python() is theirs[kind.name].to_python()
    assert DataType.from_numpy_type("int64") is DataType.long
    assert DataType.from_numpy_type("complex128") is None


def test_equal_types_are_equal_and_have_one_hash() -> None:
    again = Array(
        Object([Property("content", Map(DataType.string), required=False), Property("role", "string")])
    )
    assert again == _MESSAGES
    assert len({again, _MESSAGES, AnyType(), AnyType()}) == 2
    assert Array("long") != Array("integer")


def test_a_schema_has_the_accessors_of_mlflows() -> None:
    schema = Schema([ColSpec("long", "a"), ColSpec("string", "b", required=False)])
    theirs = mlflow.types.schema.Schema.from_json(schema.to_json())
    for name in ("is_tensor_spec", "has_input_names", "input_names", "required_input_names"):
        assert getattr(schema, name)() == getattr(theirs, name)()
    assert schema.optional_input_names() == theirs.optional_input_names() == ["b"]
    assert schema.numpy_types() == theirs.numpy_types()
    assert schema.pandas_types() == theirs.pandas_types()
    assert schema.to_dict() == theirs.to_dict()
    assert schema.input_types_dict() == {"a": DataType.long, "b": DataType.string}
    assert schema.input_types() == [spec.type for spec in schema.inputs]
    assert Schema([ColSpec("long"), ColSpec("long")]).input_names() == [0, 1]


def test_a_tensor_schema_has_numpy_types_only() -> None:
    schema = Schema([TensorSpec(np.dtype("float32"), [-1, 2], "x")])
    assert schema.is_tensor_spec()
    assert schema.numpy_types() == [np.dtype("float32")]
    with pytest.raises(InvalidArgument, match="no numpy or pandas column type"):
        schema.pandas_types()


def test_names_of_pandas_columns_survive_json() -> None:
    schema = Schema([ColSpec("long", 3), ColSpec("long", ("a", "b"))])
    assert json.loads(schema.to_json())[1]["name"] == ["a", "b"]
    assert Schema.from_json(schema.to_json()) == schema


def test_parameters_of_early_versions_are_read() -> None:
    early = '[{"name": "p", "dtype": "long", "default": 1, "shape": null}]'
    assert ParamSchema.from_json(early) == ParamSchema([ParamSpec("p", "long", 1)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Array("lonng"), "There is no type 'lonng'. The types of values are: boolean, integer"),
        (lambda: Map(_NUMBER), "3 is no type"),
        (lambda: Object([]), "at least one property"),
        (lambda: Object([Property("a", "long"), Property("a", "long")]), "given twice: a"),
        (lambda: Object([_TEXT]), "made of a list of Property"),
        (lambda: Property(_NUMBER, "long"), "must be text, not int"),
        (lambda: Schema([]), "at least one column or tensor"),
        (lambda: Schema(_TEXT), "list of ColSpec or TensorSpec"),
        (lambda: Schema([_TEXT]), "list of ColSpec|ColSpec or TensorSpec"),
        (lambda: Schema([ColSpec("long"), TensorSpec(np.dtype("f4"), (1,))]), "not both"),
        (lambda: Schema([ColSpec("long"), ColSpec("long", "a")]), "all inputs have names or none"),
        (lambda: Schema([ColSpec("long", required=False)]), "cannot be optional"),
        (lambda: Schema([TensorSpec(np.dtype("f4"), (1,))] * 2), "each needs a name"),
        (lambda: TensorSpec(_TEXT, (1,)), "numpy type"),
        (lambda: TensorSpec(np.dtype("U3"), (1,)), "no fixed length"),
        (lambda: TensorSpec(np.dtype("f4"), _TEXT), "whole numbers"),
        (lambda: ParamSpec("p", "binary", b""), "cannot be binary"),
        (lambda: ParamSpec("p", _ARRAY, [1]), "cannot be Array"),
        (lambda: ParamSpec("p", "long", 1, (2,)), "(-1,) for a list"),
        (lambda: ParamSpec("p", "long", 1.5), "p: expected long, got float (1.5)"),
        (lambda: ParamSpec("p", "long", 1, (-1,)), "p: expected a list of long, got int (1)"),
        (lambda: ParamSchema([ParamSpec("p", "long", 1)] * 2), "given twice: p"),
        (lambda: ParamSchema(_TEXT), "list of ParamSpec"),
        (lambda: Schema.from_json("x"), "A schema is JSON"),
        (lambda: Schema.from_json('{"type": "long"}'), "list of objects"),
        (lambda: Schema.from_json('[{"name": "a"}]'), 'dict with a "type"'),
        (lambda: Schema.from_json('[{"type": "array", "items": "long"}]'), 'dict as its "items"'),
        (lambda: Schema.from_json('[{"type": "tensor", "tensor-spec": {"shape": []}}]'), "with its dtype"),
        (
            lambda: Schema.from_json('[{"type": "tensor", "tensor-spec": {"dtype": "void96"}}]'),
            "numpy knows no type 'void96'",
        ),
        (lambda: ParamSchema.from_json('[{"name": "p", "type": "long"}]'), "lacks default"),
        (lambda: ParamSchema.from_json("x"), "is JSON"),
    ],
)
def test_what_is_no_type_or_schema_is_refused_with_the_reason(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert any(part in caught.value.message for part in message.split("|"))


def test_importing_loads_no_library() -> None:
    source = (
        "import sys; from tracking_client import models, types; types.Schema([types.ColSpec('long', 'a')]); "
        "models.infer_signature([{'a': 1}]); "
        "print(*{'numpy', 'pandas', 'polars', 'scipy', 'urllib3'} & set(sys.modules))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
