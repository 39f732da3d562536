"""What watches trainings, by the names of `mlflow.keras`. Keras is imported when a name is first used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    MlflowCallback: type

__all__ = ["MlflowCallback", "autolog"]


def autolog(
    log_every_epoch: bool = True,
    log_every_n_steps: int | None = None,
    log_models: bool = True,
    log_model_signatures: bool = True,
    save_exported_model: bool = False,
    log_datasets: bool = True,
    log_input_examples: bool = False,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Logs every `model.fit` of Keras 3 from now on; arguments as MLflow's.

    `log_every_epoch=False` with `log_every_n_steps` logs metrics of every n-th batch. `exclusive` leaves the
    user's own runs alone. `silent` prints nothing. `save_exported_model` and `save_model_kwargs` are for
    logging the model.

    Raises ImportError without Keras, InvalidArgument with Keras 2 and for intervals that make no sense. What
    goes wrong while a training is logged is told on stderr and never raised.
    """
    from tracking_client.integrations.keras_autolog import KERAS, KerasAutologging, watch_keras

    options: dict[str, Any] = {"save_exported_model": True} if save_exported_model else {}
    if save_model_kwargs:
        options["save_model_kwargs"] = dict(save_model_kwargs)
    settings = KerasAutologging(
        framework=KERAS,
        log_models=log_models,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        log_datasets=log_datasets,
        exclusive=exclusive,
        silent=silent,
        registered_model_name=registered_model_name,
        extra_tags=dict(extra_tags or {}),
        log_every_epoch=log_every_epoch,
        log_every_n_steps=log_every_n_steps,
        model_options=options,
    )
    watch_keras(settings, disable=disable, disable_for_unsupported_versions=disable_for_unsupported_versions)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The callback, which is derived from a class of Keras (PEP 562)."""
        if name != "MlflowCallback":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import keras

        from tracking_client.integrations.keras_autolog import KERAS, OPTIMIZER_PREFIXES
        from tracking_client.integrations.keras_callback import callback_class

        return callback_class(keras.callbacks.Callback, KERAS, OPTIMIZER_PREFIXES[KERAS])

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
