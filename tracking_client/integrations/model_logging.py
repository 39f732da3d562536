"""The one place where autologging logs a model: by `log_model` of the library's module here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tracking_client.integrations.autologging import Autologging

NAME = "model"
_EXAMPLE_ROWS = 5

_noticed: set[str] = set()


def logged_model_id(
    settings: Autologging,
    model: Any,
    *,
    features: Any = None,
    predict: Callable[[Any], Any] | None = None,
    **options: Any,
) -> str | None:
    """Logs `model` to the run at hand, as the settings say; its id, or None where it is not logged.

    The input example is the first rows of `features`, the signature that of them and of what `predict` makes
    of them, as with MLflow.
    """
    if not settings.log_models:
        return None
    log_model = getattr(import_module(f"tracking_client.{settings.library}"), "log_model", None)
    if log_model is None:
        _say_once(settings)
        return None
    rows = None if features is None else _first_rows(features)
    made = log_model(
        model,
        name=NAME,
        signature=_signature(rows, predict) if settings.log_model_signatures and rows is not None else None,
        input_example=rows if settings.log_input_examples else None,
        registered_model_name=settings.registered_model_name,
        **options,
    )
    model_id = getattr(made, "model_id", None)
    return None if model_id is None else str(model_id)


def _signature(rows: Any, predict: Callable[[Any], Any] | None) -> Any:
    models = import_module("tracking_client.models")
    return models.infer_signature(rows, None if predict is None else predict(rows))


def _first_rows(features: Any) -> Any:
    if isinstance(features, dict):
        return {name: _first_rows(value) for name, value in features.items()}
    return features.iloc[:_EXAMPLE_ROWS] if hasattr(features, "iloc") else features[:_EXAMPLE_ROWS]


def _say_once(settings: Autologging) -> None:
    if settings.library not in _noticed:
        _noticed.add(settings.library)
        settings.say("models are left out: this version cannot log them (log_models=False says the same)")


__all__ = ["NAME", "logged_model_id"]
