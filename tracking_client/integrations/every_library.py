"""`autolog`: logs the trainings of every library that is known here, once it is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from tracking_client import notice
from tracking_client.integrations.on_import import when_imported

LIBRARIES = {"keras": "keras_names", "sklearn": "sklearn_autolog"}
"""TensorFlow's Keras is Keras and logged as such; `tracking_client.tensorflow` logs it by its own names."""


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, str] | None = None,
    exclude_flavors: Sequence[str] | None = None,
) -> None:
    """Logs every training of scikit-learn and Keras from now on; arguments as MLflow's.

    What is imported already is watched at once, the rest when it is imported; nothing is imported for this.
    A library of `exclude_flavors` stays as it is. See `autolog` of `tracking_client.sklearn` and
    `tracking_client.keras`.
    """
    options = {
        "log_input_examples": log_input_examples,
        "log_model_signatures": log_model_signatures,
        "log_models": log_models,
        "log_datasets": log_datasets,
        "disable": disable,
        "exclusive": exclusive,
        "disable_for_unsupported_versions": disable_for_unsupported_versions,
        "silent": silent,
        "extra_tags": dict(extra_tags or {}),
    }
    for library in LIBRARIES:
        if library not in (exclude_flavors or ()):
            when_imported(library, _turning_on(library, options, silent=silent))


def _turning_on(library: str, options: Mapping[str, object], *, silent: bool) -> Callable[[], None]:
    def act() -> None:
        try:
            import_module(f"tracking_client.integrations.{LIBRARIES[library]}").autolog(**options)
        except Exception as error:  # noqa: BLE001  # the user's `import` must not fail because of this
            if not silent:
                notice.say(f"{library} is not logged by itself: {type(error).__name__}: {error!s:.300}")

    return act


__all__ = ["LIBRARIES", "autolog"]
