"""The one place where autologging logs a model: by `log_model` of the library's module here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tracking_client.integrations.autologging import Autologging
from tracking_client.run import ActiveRun

NAME = "model"
_EXAMPLE_ROWS = 5

_noticed: set[str] = set()


def logged_model_id(
    settings: Autologging,
    run: ActiveRun,
    model: Any,
    *,
    features: Any = None,
    predictions: Any = None,
    **options: Any,
) -> str | None:
    """Logs `model` as made by `run`, as the settings say; its id, or None where it is not logged.

    The signature is that of `features` and `predictions`, the input example the first rows of `features`.
    """
    if not settings.log_models:
        return None
    log_model = getattr(import_module(f"tracking_client.{settings.library}"), "log_model", None)
    if log_model is None:
        _say_once(settings)
        return None
    has_example = features is not None
    made = log_model(
        model,
        name=NAME,
        signature=_signature(features, predictions)
        if settings.log_model_signatures and has_example
        else None,
        input_example=_first_rows(features) if settings.log_input_examples and has_example else None,
        registered_model_name=settings.registered_model_name,
        **options,
    )
    del run  # `log_model` logs to the run at hand, which it is
    model_id = getattr(made, "model_id", None)
    return None if model_id is None else str(model_id)


def _signature(features: Any, predictions: Any) -> Any:
    models = import_module("tracking_client.models")
    return models.infer_signature(features, predictions)


def _first_rows(features: Any) -> Any:
    if isinstance(features, dict):
        return {name: _first_rows(value) for name, value in features.items()}
    return features.iloc[:_EXAMPLE_ROWS] if hasattr(features, "iloc") else features[:_EXAMPLE_ROWS]


def _say_once(settings: Autologging) -> None:
    if settings.library not in _noticed:
        _noticed.add(settings.library)
        settings.say("models are left out: this version cannot log them (log_models=False says the same)")


__all__ = ["NAME", "logged_model_id"]
