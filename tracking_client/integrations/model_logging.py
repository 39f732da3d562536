"""The one place where autologging logs a model: by `log_model` of its framework."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tracking_client.integrations.autologging import Autologging
from tracking_client.models import infer_signature

NAME = "model"
_EXAMPLE_ROWS = 5


def logged_model_id(
    settings: Autologging,
    model: Any,
    *,
    features: Any = None,
    predict: Callable[[Any], Any] | None = None,
    **options: Any,
) -> str | None:
    """Logs `model` to the run at hand, as the settings say; its id; None where models are not to be logged.

    The input example is the first rows of `features`, the signature that of them and of what `predict` makes
    of them, as with MLflow.
    """
    if not settings.log_models:
        return None
    log_model = import_module(f"tracking_client.flavours.{settings.framework}_models").log_model
    rows = None if features is None else _first_rows(features)
    made = log_model(
        model,
        name=NAME,
        signature=_signature(rows, predict) if settings.log_model_signatures and rows is not None else None,
        input_example=rows if settings.log_input_examples else None,
        registered_model_name=settings.registered_model_name,
        **options,
    )
    return str(made.model_id)


def _signature(rows: Any, predict: Callable[[Any], Any] | None) -> Any:
    return infer_signature(rows, None if predict is None else predict(rows))


def _first_rows(features: Any) -> Any:
    if isinstance(features, dict):
        return {name: _first_rows(value) for name, value in features.items()}
    return features.iloc[:_EXAMPLE_ROWS] if hasattr(features, "iloc") else features[:_EXAMPLE_ROWS]


__all__ = ["NAME", "logged_model_id"]
