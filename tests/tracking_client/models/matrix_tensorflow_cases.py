"""The matrix of models of TensorFlow: Keras models in its layout, modules and exported models as SavedModels.

Left out: columns, since these models take tensors; `mlflow.keras` with an example, from which it infers nothing.
MLflow calls an exported model of two inputs with two arguments, which none has: it cannot log one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.tracking_client.models.matrix_case import Case
from tests.tracking_client.models.matrix_cases import ARRAY, keras_cases
from tests.tracking_client.models.samples import network


def _module(_library: Any, _place: Path) -> dict[str, Any]:
    """A module of TensorFlow that is no model of Keras."""
    import tensorflow as tf

    class Affine(tf.Module):  # type: ignore[misc]  # untyped
        def __init__(self) -> None:
            super().__init__()
            self.slope = tf.Variable([[2.0], [0.5]])

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])  # type: ignore[untyped-decorator]  # untyped
        def __call__(self, given: Any) -> Any:
            return given @ self.slope + 1.0

    return {"model": Affine()}


def _given(library: Any) -> dict[str, Any]:
    return {"signature": library.models.infer_signature(ARRAY, np.zeros((3, 1), dtype="float32"))}


def _example(_library: Any) -> dict[str, Any]:
    return {"input_example": ARRAY.copy()}


def _none(_library: Any) -> dict[str, Any]:
    return {}


def _called(model: Any, data: Any) -> Any:
    return getattr(model, "serve", model)(data).numpy()


_KINDS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "no signature": _none,
    "given": _given,
    "example": _example,
}
CASES = [
    *keras_cases("tensorflow"),
    *keras_cases("keras"),
    Case(
        name="tensorflow: a sequential model, from an example",
        flavour="tensorflow",
        model=lambda _library, _place: {"model": network()},
        data=lambda: ARRAY.copy(),
        options=_example,
        native=lambda model, data: model.predict(data, verbose=0),
    ),
    *(
        Case(
            name=f"tensorflow: a module, {kind}",
            flavour="tensorflow",
            model=_module,
            data=lambda: ARRAY.copy(),
            options=options,
            native=_called,
        )
        for kind, options in _KINDS.items()
    ),
    Case(
        name="keras: an exported model",
        flavour="keras",
        model=lambda _library, _place: {"model": network(), "save_exported_model": True},
        data=lambda: ARRAY.copy(),
        options=_given,
        native=_called,
    ),
]
