"""What a model takes and gives (`mlflow.models.signature`)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.inference import infer_param_schema, infer_schema
from tracking_client.types.nested import AnyType
from tracking_client.types.params import ParamSchema
from tracking_client.types.schema import Schema
from tracking_client.types.specs import ColSpec


class ModelSignature:
    """The schemas of a model's input, output and parameters; None is not known. Immutable.

    Raises InvalidArgument where all three are None, and for what is no schema.
    """

    __slots__ = ("_inputs", "_outputs", "_params")

    def __init__(
        self,
        inputs: Schema | None = None,
        outputs: Schema | None = None,
        params: ParamSchema | None = None,
    ) -> None:
        _check_kind(inputs, Schema, "inputs")
        _check_kind(outputs, Schema, "outputs")
        _check_kind(params, ParamSchema, "params")
        if inputs is None and outputs is None and params is None:
            raise InvalidArgument("A signature has inputs, outputs or params; all are None")
        self._inputs = inputs
        self._outputs = outputs
        self._params = params

    @property
    def inputs(self) -> Schema | None:
        """What the model takes."""
        return self._inputs

    @property
    def outputs(self) -> Schema | None:
        """What the model gives."""
        return self._outputs

    @property
    def params(self) -> ParamSchema | None:
        """What can be set for a prediction."""
        return self._params

    def to_dict(self) -> dict[str, Any]:
        """`signature` of an MLmodel file: JSON as text under `inputs`, `outputs` and `params`.

        None where there are none.
        """
        return {
            "inputs": self._inputs and self._inputs.to_json(),
            "outputs": self._outputs and self._outputs.to_json(),
            "params": self._params.to_json() if self._params and self._params.params else None,
        }

    @classmethod
    def from_dict(cls, signature_dict: Mapping[str, Any]) -> ModelSignature:
        """The signature of an MLmodel file, of any version of MLflow. Raises InvalidArgument."""
        inputs, outputs = signature_dict.get("inputs"), signature_dict.get("outputs")
        params = signature_dict.get("params")
        return cls(
            inputs=None if inputs is None else Schema.from_json(inputs),
            outputs=None if outputs is None else Schema.from_json(outputs),
            params=None if params is None else ParamSchema.from_json(params),
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ModelSignature)
            and (self._inputs, self._outputs) == (other._inputs, other._outputs)
            and self._params == other._params
        )

    __hash__ = None  # type: ignore[assignment]  # a default of a parameter may be a list or a dict

    def __repr__(self) -> str:
        return f"inputs: \n  {self._inputs!r}\noutputs: \n  {self._outputs!r}\nparams: \n  {self._params!r}\n"


def _check_kind(value: Any, kind: type, what: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise InvalidArgument(f"The {what} of a signature are a {kind.__name__} or None, not {value!r}")


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """The signature that examples of input and output and the defaults of parameters have.

    What they may be: see `infer_schema` and `infer_param_schema`. An input or output that no schema describes
    becomes `Any`, as in MLflow, with a UserWarning that says why: nothing is checked then. Raises
    InvalidArgument where all three are None, and for parameters without a type.
    """
    return ModelSignature(
        inputs=None if model_input is None else _inferred(model_input, "input"),
        outputs=None if model_output is None else _inferred(model_output, "output"),
        params=None if params is None else infer_param_schema(params),
    )


def _inferred(data: Any, what: str) -> Schema:
    try:
        return infer_schema(data)
    except InvalidArgument as error:
        warnings.warn(f"The {what} of the model will not be checked: {error}", UserWarning, stacklevel=3)
        return Schema([ColSpec(AnyType())])


__all__ = ["ModelSignature", "infer_signature"]
