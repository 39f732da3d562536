"""What watches trainings, by the names of `mlflow.tensorflow`, also of what is logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    MlflowCallback: type

__all__ = ["MlflowCallback", "autolog"]


def autolog(
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    saved_model_kwargs: Mapping[str, Any] | None = None,
    keras_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, str] | None = None,
    log_every_epoch: bool = True,
    log_every_n_steps: int | None = None,
) -> None:
    """Logs every `model.fit` of `tf.keras` from now on; arguments as MLflow's, see `tracking_client.keras`.

    Early stopping is logged as well. Checkpoints and TensorBoard's files are not stored: MLflow's
    `checkpoint…` arguments are not there. Raises ImportError without Keras, InvalidArgument with Keras 2 and
    for intervals that make no sense.
    """
    from tracking_client.integrations.keras_autolog import TENSORFLOW, KerasAutologging, watch_keras

    given = {"saved_model_kwargs": saved_model_kwargs, "keras_model_kwargs": keras_model_kwargs}
    settings = KerasAutologging(
        framework=TENSORFLOW,
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
        model_options={name: dict(value) for name, value in given.items() if value},
    )
    watch_keras(settings, disable=disable, disable_for_unsupported_versions=disable_for_unsupported_versions)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The callback, which is derived from a class of the Keras that TensorFlow uses (PEP 562)."""
        if name != "MlflowCallback":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import tensorflow as tf

        from tracking_client.integrations.keras_autolog import OPTIMIZER_PREFIXES, TENSORFLOW
        from tracking_client.integrations.keras_callback import callback_class

        base = tf.keras.callbacks.Callback
        return callback_class(base, TENSORFLOW, OPTIMIZER_PREFIXES[TENSORFLOW])

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
