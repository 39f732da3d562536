"""The signature that the type hints of a model's `predict` make."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any, Literal

from tracking_client.errors import InvalidArgument
from tracking_client.models.inference import infer_param_schema
from tracking_client.models.input_example import InputExample
from tracking_client.models.python_model import PredictHints
from tracking_client.models.signature import ModelSignature
from tracking_client.models.type_hints import fitted_to_hint, input_schema_of, output_schema_of
from tracking_client.types.nested import AnyType
from tracking_client.types.schema import Schema
from tracking_client.types.specs import ColSpec

Predict = Callable[[Any, dict[str, Any] | None], Any]


def signature_of_hints(
    given: ModelSignature | Literal[False] | None,
    example: InputExample | None,
    hints: PredictHints,
    predict: Predict | None,
) -> ModelSignature | None:
    """The signature of the hints; None where they make none. It wins over one that was given, as in MLflow.

    The model is tried with the example: where it gives something else than its hint says, its result may be
    anything.
    """
    try:
        inputs = input_schema_of(hints)
    except InvalidArgument as error:
        _warn(f"The type hints of the model make no signature: {error.message}")
        return None
    if inputs is None or given is False:
        return None
    outputs = output_schema_of(hints)
    if example is not None and predict is not None and not _gives(hints, example, predict):
        outputs = Schema([ColSpec(AnyType())])
    params = None if example is None or not example.params else infer_param_schema(example.params)
    found = ModelSignature(inputs=inputs, outputs=outputs, params=params)
    if given is not None and given.to_dict() != found.to_dict():
        _warn("The model has the signature of its type hints, not the one that was given: remove one")
    return found


def _gives(hints: PredictHints, example: InputExample, predict: Predict) -> bool:
    """Whether what the model gives for the example may be what its hint says."""
    params = None if not example.params else dict(example.params)
    try:
        fitted = fitted_to_hint(copy.deepcopy(example.data), hints.input)
        output = predict(fitted, params)
    except Exception as error:  # noqa: BLE001  # the model is the user's code: whatever it raises, it can be saved
        _warn(f"The model gave nothing for the input example: {error!r}")
        return True
    try:
        fitted_to_hint(output, hints.output)
    except InvalidArgument as error:
        _warn(f"The result of the model is not what its type hint says: {error.message}")
        return False
    return True


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=7)


__all__ = ["signature_of_hints"]
