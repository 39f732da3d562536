"""Keras autologging: every `model.fit` is a run, or part of the user's run. For Keras 3, with any backend.

Logged are the arguments of `fit`, what `MlflowCallback` logs, the data sets, early stopping, and the model.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracking_client.integrations import autologging, nesting, training_data
from tracking_client.integrations.autologging import Autologging
from tracking_client.integrations.keras_callback import callback_class
from tracking_client.integrations.model_logging import logged_model_id
from tracking_client.integrations.training import log_new_params, watched_training
from tracking_client.integrations.versions import is_supported
from tracking_client.run import ActiveRun

KERAS, TENSORFLOW = "keras", "tensorflow"
OLDEST = (3, 0)
OPTIMIZER_PREFIXES: Mapping[str, str] = {KERAS: "optimizer_", TENSORFLOW: "opt_"}
"""How the parameters of optimizers begin in MLflow's two integrations."""

_NOT_PARAMS = frozenset({"x", "y", "verbose", "callbacks", "validation_data"})
_STOPPING = ("monitor", "min_delta", "patience", "baseline", "restore_best_weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasAutologging(Autologging):
    """What is logged of Keras beyond what all libraries have; see `autolog`."""

    log_every_epoch: bool = True
    log_every_n_steps: int | None = None
    model_options: Mapping[str, Any] = field(default_factory=dict)


def watch_keras(settings: KerasAutologging, *, disable: bool, disable_for_unsupported_versions: bool) -> None:
    """Puts `settings` in force, and watches `keras.Model.fit`.

    Raises ImportError where Keras is not installed, InvalidArgument where there is only Keras 2.
    """
    import keras

    for library in (KERAS, TENSORFLOW):
        autologging.turn_off(library)  # one training is logged once, the later call is the one that counts
    is_known = is_supported(keras.__version__, OLDEST)
    if disable or (disable_for_unsupported_versions and not is_known):
        return
    if not is_known:
        from tracking_client.errors import InvalidArgument

        raise InvalidArgument(
            f"Keras {keras.__version__} is too old to be logged by itself: use Keras 3, or give "
            "MlflowCallback() to fit"
        )
    callback_class(keras.callbacks.Callback, settings.framework, OPTIMIZER_PREFIXES[settings.framework])(
        settings.log_every_epoch, settings.log_every_n_steps
    )  # which complains of intervals that make no sense
    autologging.turn_on(settings)
    _watch_once(keras.Model)


def _watch_once(model_class: Any) -> None:
    if hasattr(model_class.fit, "is_watched"):
        return
    original = model_class.fit

    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        settings = autologging.in_force(KERAS) or autologging.in_force(TENSORFLOW)
        if not isinstance(settings, KerasAutologging) or nesting.is_inside():
            return original(self, *args, **kwargs)
        return _trained(settings, original, self, args, kwargs)

    fit.is_watched = True  # type: ignore[attr-defined]  # a mark of ours on our own function
    model_class.fit = fit


def _trained(
    settings: KerasAutologging,
    original: Callable[..., Any],
    model: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    try:
        bound = inspect.signature(original).bind(model, *args, **kwargs)
    except TypeError:
        return original(model, *args, **kwargs)  # which complains
    bound.apply_defaults()
    given = bound.arguments

    def train() -> Any:
        return original(*bound.args, **bound.kwargs)

    def begun(run: ActiveRun) -> None:
        params = {name: value for name, value in given.items() if name not in {*_NOT_PARAMS, *_first(bound)}}
        log_new_params(run, params, settings)
        stopping = _early_stopping(given.get("callbacks"))
        if stopping is not None and settings.framework == TENSORFLOW:
            log_new_params(run, {name: getattr(stopping, name, None) for name in _STOPPING}, settings)
        if settings.log_datasets:
            with settings.without_harm("the data sets"):
                _log_datasets(run, given)
        given["callbacks"] = _with_ours(given.get("callbacks"), settings, model)

    def done(run: ActiveRun, history: Any) -> None:
        stopping = _early_stopping(given.get("callbacks"))
        if stopping is not None and settings.framework == TENSORFLOW:
            _log_stop(run, stopping, history)
        with settings.without_harm("the model"):
            logged_model_id(settings, model, **_for_model(settings, model, given))

    return watched_training(settings, train, begun=begun, done=done)


def _first(bound: inspect.BoundArguments) -> list[str]:
    """The name of `self`."""
    return list(bound.signature.parameters)[:1]


def _with_ours(callbacks: Any, settings: KerasAutologging, model: Any) -> Any:
    """The user's callbacks and one of ours, unless there is one already."""
    import keras

    ours = callback_class(
        keras.callbacks.Callback, settings.framework, OPTIMIZER_PREFIXES[settings.framework]
    )
    listed = _listed(callbacks)
    if any(type(each).__name__ == "MlflowCallback" for each in listed):
        return callbacks
    new = ours(settings.log_every_epoch, settings.log_every_n_steps)
    new.recorder.settings = settings
    if isinstance(callbacks, keras.callbacks.CallbackList):
        new.set_model(model)
        callbacks.callbacks.append(new)
        return callbacks
    return [*listed, new]


def _listed(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    inner = getattr(callbacks, "callbacks", callbacks)
    return list(inner) if isinstance(inner, (list, tuple)) else [inner]


def _early_stopping(callbacks: Any) -> Any:
    return next((each for each in _listed(callbacks) if type(each).__name__ == "EarlyStopping"), None)


def _log_stop(run: ActiveRun, stopping: Any, history: Any) -> None:
    """When a training stopped early, and the epoch whose weights it went back to.

    That epoch's metrics are logged again as the last ones, since they are those of the model that came out.
    """
    if not stopping.stopped_epoch:
        return
    run.log_metrics({"stopped_epoch": stopping.stopped_epoch})
    if stopping.restore_best_weights:
        run.log_metrics({"restored_epoch": stopping.best_epoch})
        of_model = {name: values[stopping.best_epoch] for name, values in history.history.items()}
        run.log_metrics(of_model, history.epoch[-1] + 1)


def _log_datasets(run: ActiveRun, given: Mapping[str, Any]) -> None:
    validation = given.get("validation_data")
    pairs = {training_data.TRAIN: (given.get("x"), given.get("y"))}
    if isinstance(validation, (tuple, list)) and len(validation) >= 2:
        pairs[training_data.EVAL] = (validation[0], validation[1])
    for context, (features, targets) in pairs.items():
        dataset = training_data.dataset_of(features, targets)
        if dataset is not None:
            training_data.log_dataset(run, dataset, context)


def _for_model(settings: KerasAutologging, model: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What logging the model needs: what it was trained on, and how it predicts."""
    features: Any = given.get("x")
    if not hasattr(features, "shape"):
        return dict(settings.model_options)
    return {
        **settings.model_options,
        "features": features,
        "predict": lambda rows: model.predict(rows, verbose=0),
    }


__all__ = ["KERAS", "OLDEST", "OPTIMIZER_PREFIXES", "TENSORFLOW", "KerasAutologging", "watch_keras"]
