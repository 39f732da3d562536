"""Models that are Python: a class with `predict`, or a function.

Nothing here needs anything but the standard library: these classes are pickled by value, so that a model of
theirs is loaded where this package is not installed.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any, NamedTuple


class PredictHints(NamedTuple):
    """The type hints of `predict`, by MLflow's names; None where there are none."""

    input: Any = None
    output: Any = None


class PythonModelContext:
    """What a model finds beside it: `artifacts` (paths, by name) and `model_config` (a dict)."""

    def __init__(self, artifacts: dict[str, str], model_config: dict[str, Any] | None = None) -> None:
        self.artifacts = artifacts
        self.model_config = model_config or {}


class PythonModel:
    """A model to be subclassed: `predict` must be there, `load_context` may be.

    `predict` takes the context, or leaves it out: `predict(self, context, model_input, params=None)` or
    `predict(self, model_input, params=None)`.
    """

    def load_context(self, context: Any) -> None:
        """Called once, before the first prediction: reads what is in `context.artifacts`."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """The predictions for the input."""
        raise NotImplementedError(f"{type(self).__name__} has no predict()")

    def predict_stream(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """An iterator over the parts of a prediction."""
        raise NotImplementedError(f"{type(self).__name__} has no predict_stream()")

    @property
    def predict_type_hints(self) -> PredictHints:
        """What `predict` says about its input and output; MLflow asks for it."""
        return hints_of(self.predict)


class FunctionModel(PythonModel):
    """A function of one argument, as a model."""

    def __init__(self, func: Any) -> None:
        self.func = func

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # type: ignore[override]  # both forms are allowed
        """What the function gives; it gets `params` where it has an argument of that name."""
        return self.func(model_input, params=params) if takes(self.func, "params") else self.func(model_input)

    @property
    def predict_type_hints(self) -> PredictHints:
        """The hints of the function."""
        return hints_of(self.func)


def takes(function: Any, name: str) -> bool:
    """Whether the function has an argument called `name`."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def hints_of(function: Any) -> PredictHints:
    """The type hints of the function's data and result; none where they cannot be read."""
    try:
        hints = typing.get_type_hints(function)
        names = [name for name in inspect.signature(function).parameters if name not in ("self", "context")]
    except Exception:  # noqa: BLE001  # hints may be any expression; a model without hints works too
        return PredictHints()
    return PredictHints(hints.get(names[0]) if names else None, hints.get("return"))


__all__ = ["FunctionModel", "PredictHints", "PythonModel", "PythonModelContext", "hints_of", "takes"]
