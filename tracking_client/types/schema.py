"""What a data set is made of, as columns or as tensors; and every name of `mlflow.types.schema`.

The JSON is MLflow's, byte for byte: a list with an entry for each column or tensor.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.types.data_type import DataType
from tracking_client.types.nested import AnyType, Array, Map, Object, Property, Type
from tracking_client.types.params import ParamSchema, ParamSpec
from tracking_client.types.specs import ColSpec, TensorSpec

if TYPE_CHECKING:
    import numpy as np


class Schema:
    """The columns or tensors of a data set: all of one kind, all named or none; immutable.

    Names need not differ, as in pandas. Columns without names are known by position, and all required; of
    tensors without a name there is one. Raises InvalidArgument for what is none of this.
    """

    __slots__ = ("_inputs",)

    def __init__(self, inputs: Sequence[ColSpec | TensorSpec]) -> None:
        if not isinstance(inputs, (list, tuple)):
            raise InvalidArgument(f"A Schema is made of a list of ColSpec or TensorSpec, not of {inputs!r}")
        if not inputs:
            raise InvalidArgument("A Schema needs at least one column or tensor")
        if not all(isinstance(item, (ColSpec, TensorSpec)) for item in inputs):
            raise InvalidArgument(f"A Schema is made of ColSpec or TensorSpec, not of {inputs!r}")
        if len({type(item) for item in inputs}) > 1:
            raise InvalidArgument("A Schema has columns or tensors, not both")
        named = [item.name is not None for item in inputs]
        if any(named) and not all(named):
            raise InvalidArgument("In a Schema, all inputs have names or none has")
        if not any(named) and not all(item.required for item in inputs):
            raise InvalidArgument("An input without a name cannot be optional: name all inputs of the Schema")
        if not any(named) and len(inputs) > 1 and isinstance(inputs[0], TensorSpec):
            raise InvalidArgument("Of several tensors, each needs a name")
        self._inputs: tuple[ColSpec | TensorSpec, ...] = tuple(inputs)

    @property
    def inputs(self) -> list[ColSpec | TensorSpec]:
        """The columns or tensors."""
        return list(self._inputs)

    def is_tensor_spec(self) -> bool:
        """Whether it has tensors, not columns."""
        return isinstance(self._inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Whether its inputs have names."""
        return self._inputs[0].name is not None

    def input_names(self) -> list[Any]:
        """The names, or positions where there are none."""
        return [position if item.name is None else item.name for position, item in enumerate(self._inputs)]

    def required_input_names(self) -> list[Any]:
        """The names (or positions) of what may not be left out."""
        return [name for name, item in zip(self.input_names(), self._inputs, strict=True) if item.required]

    def optional_input_names(self) -> list[Any]:
        """The names of what may be left out."""
        return [item.name for item in self._inputs if not item.required]

    def input_types(self) -> list[Type | np.dtype[Any]]:
        """The types, in order."""
        return [item.type for item in self._inputs]

    def input_types_dict(self) -> dict[Any, Type | np.dtype[Any]]:
        """The types by name. Raises InvalidArgument where there are no names."""
        return {name: item.type for name, item in self.input_dict().items()}

    def input_dict(self) -> dict[Any, ColSpec | TensorSpec]:
        """The inputs by name. Raises InvalidArgument where there are no names."""
        if not self.has_input_names():
            raise InvalidArgument("The inputs of this Schema have no names; see its `inputs`")
        return {item.name: item for item in self._inputs}

    def numpy_types(self) -> list[np.dtype[Any]]:
        """The numpy types, in order. Raises InvalidArgument for columns of nested types: they have none."""
        return [
            item.type if isinstance(item, TensorSpec) else self._plain(item).to_numpy()
            for item in self._inputs
        ]

    def pandas_types(self) -> list[Any]:
        """The pandas types, in order. Raises InvalidArgument for tensors and nested types: they have none."""
        return [self._plain(item).to_pandas() for item in self._inputs]

    @staticmethod
    def _plain(item: ColSpec | TensorSpec) -> DataType:
        if not isinstance(item.type, DataType):
            raise InvalidArgument(f"There is no numpy or pandas column type for {item!r}")
        return item.type

    def to_dict(self) -> list[dict[str, Any]]:
        """MLflow's JSON, as a value."""
        return [item.to_dict() for item in self._inputs]

    def to_json(self) -> str:
        """MLflow's JSON, as text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> Schema:
        """The schema of MLflow's JSON, of any version. Raises InvalidArgument."""
        entries = _entries(json_str)
        return cls([_spec(entry) for entry in entries])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._inputs == other._inputs

    def __hash__(self) -> int:
        return hash(self._inputs)

    def __repr__(self) -> str:
        return repr(self.inputs)


def _entries(json_str: str) -> list[Any]:
    try:
        entries = json.loads(json_str)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"A schema is JSON: {error}: {str(json_str)[:200]}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidArgument(f"The JSON of a schema is a list of objects, not {str(json_str)[:200]}")
    return entries


def _spec(entry: dict[str, Any]) -> ColSpec | TensorSpec:
    return (TensorSpec if entry.get("type") == "tensor" else ColSpec).from_json_dict(**entry)


__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "TensorSpec",
]
