"""scikit-learn autologging: every `fit` is a run, or part of the user's run.

Logged are the parameters, the data set, metrics on the training data, pictures, the model, and for a search
its candidates; names are MLflow's. The estimators of a pipeline or search are part of it, not runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tracking_client import checks
from tracking_client.data.dataset import Dataset
from tracking_client.integrations import (
    autologging,
    nesting,
    sklearn_estimators,
    sklearn_evaluations,
    training_data,
)
from tracking_client.integrations.autologging import Autologging
from tracking_client.integrations.model_logging import logged_model_id
from tracking_client.integrations.sklearn_figures import log_training_figures
from tracking_client.integrations.sklearn_metrics import training_metrics
from tracking_client.integrations.sklearn_naming import estimator_tags
from tracking_client.integrations.sklearn_search import is_search, log_search
from tracking_client.integrations.training import log_measured, log_new_params, watched_training
from tracking_client.integrations.versions import is_supported
from tracking_client.run import ActiveRun

LIBRARY = "sklearn"
OLDEST = (1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SklearnAutologging(Autologging):
    """What is logged of scikit-learn beyond what all libraries have; see `autolog`."""

    max_tuning_runs: int | None = 5
    log_post_training_metrics: bool = True
    serialization_format: str | None = None
    pos_label: str | int | None = None


_is_watching = False


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    max_tuning_runs: int | None = 5,
    log_post_training_metrics: bool = True,
    serialization_format: str | None = None,
    registered_model_name: str | None = None,
    pos_label: str | int | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Logs every training of a scikit-learn estimator from now on; arguments as MLflow's.

    `max_tuning_runs` is how many candidates of a search become runs of their own, best first (None: all).
    `pos_label` makes precision, recall and F1 those of that class; by default they are averages, weighted by
    the classes' sizes. `exclusive` leaves the user's own runs alone. `silent` prints nothing.
    `serialization_format` is that of `log_model`: by default one that runs no code where it is loaded.
    `log_post_training_metrics` logs `model.score(…)` and metrics of `sklearn.metrics` that are computed from
    what a model predicted, where they are imported after this.

    Call it anywhere, before or after estimators are imported. Raises ImportError where scikit-learn is not
    installed. What goes wrong while a training is logged is told on stderr and never raised.
    """
    import sklearn

    if disable or (disable_for_unsupported_versions and not is_supported(sklearn.__version__, OLDEST)):
        autologging.turn_off(LIBRARY)
        return
    settings = SklearnAutologging(
        framework=LIBRARY,
        log_models=log_models,
        log_input_examples=log_input_examples,
        log_model_signatures=log_model_signatures,
        log_datasets=log_datasets,
        exclusive=exclusive,
        silent=silent,
        registered_model_name=registered_model_name,
        extra_tags=dict(extra_tags or {}),
        max_tuning_runs=max_tuning_runs,
        log_post_training_metrics=log_post_training_metrics,
        serialization_format=serialization_format,
        pos_label=pos_label,
    )
    autologging.turn_on(settings)
    _watch_once()


def _watch_once() -> None:
    global _is_watching  # noqa: PLW0603  # classes are patched once in a process, and stay so
    if _is_watching:
        return
    _is_watching = True
    sklearn_evaluations.watch_metrics(_evaluation_settings)
    watchers: dict[str, sklearn_estimators.Watcher] = dict.fromkeys(sklearn_estimators.TRAINING, _train)
    watchers |= dict.fromkeys(sklearn_estimators.PREDICTING, _predict)
    watchers |= dict.fromkeys(sklearn_estimators.SCORING, _score)
    sklearn_estimators.watch_estimators(watchers)


def _settings() -> SklearnAutologging | None:
    found = autologging.in_force(LIBRARY)
    return found if isinstance(found, SklearnAutologging) else None


def _evaluation_settings() -> SklearnAutologging | None:
    """The settings where metrics are to be logged here and now."""
    settings = _settings()
    if settings is None or not settings.log_post_training_metrics or nesting.is_inside():
        return None
    return settings


def _train(method: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    settings = _settings()
    if settings is None or not sklearn_estimators.is_watched(estimator) or nesting.is_inside():
        return method(*args, **kwargs)
    training = _Training(settings, method, estimator, args, kwargs)
    return watched_training(
        settings, lambda: method(*args, **kwargs), begun=training.begun, done=training.done
    )


def _predict(
    method: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    settings = _evaluation_settings()
    if settings is None:
        return method(*args, **kwargs)
    with nesting.inside():
        predicted = method(*args, **kwargs)
    with settings.without_harm("what was predicted"):
        sklearn_evaluations.note_prediction(estimator, predicted, args, kwargs)
    return predicted


def _score(method: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    settings = _evaluation_settings()
    if settings is None:
        return method(*args, **kwargs)
    with nesting.inside():
        score = method(*args, **kwargs)
    with settings.without_harm("the score"):
        sklearn_evaluations.note_score(method, estimator, score, args, kwargs)
    return score


class _Training:
    """One call of `fit`, `fit_transform` or `fit_predict`, and what is logged of it."""

    def __init__(
        self,
        settings: SklearnAutologging,
        method: Callable[..., Any],
        estimator: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._settings = settings
        self._estimator = estimator
        self._started_ms = checks.now_ms()
        self._dataset: Dataset | None = None
        self._features, self._targets, self._sample_weight = _data_of(method, args, kwargs)

    def begun(self, run: ActiveRun) -> None:
        """Before the training, so that one that fails has it as well."""
        settings, estimator = self._settings, self._estimator
        run.set_tags(estimator_tags(estimator))
        with settings.without_harm("parameters"):
            log_new_params(run, estimator.get_params(deep=not is_search(estimator)), settings)
        if settings.log_datasets:
            with settings.without_harm("the data set"):
                self._dataset = training_data.dataset_of(self._features, self._targets)
                if self._dataset is not None:
                    training_data.log_dataset(run, self._dataset, training_data.TRAIN)

    def done(self, run: ActiveRun, _result: Any) -> None:
        """After the training."""
        settings, estimator = self._settings, self._estimator
        sklearn_evaluations.note_model(estimator, run)
        model_id: str | None = None
        with settings.without_harm("the model"):
            model_id = self._log_model()
        if self._targets is not None and not (is_search(estimator) and not estimator.refit):
            self._log_fit(run, model_id)
        with settings.without_harm("estimator.html"):
            from sklearn.utils import estimator_html_repr

            run.client.log_text(run.info.run_id, estimator_html_repr(estimator), "estimator.html")
        if is_search(estimator):
            log_search(
                run,
                estimator,
                dataset=self._dataset,
                started_ms=self._started_ms,
                max_tuning_runs=settings.max_tuning_runs,
                settings=settings,
            )

    def _log_fit(self, run: ActiveRun, model_id: str | None) -> None:
        settings, given = self._settings, (self._features, self._targets, self._sample_weight)
        measured: dict[str, float] = {}
        with settings.without_harm("training metrics"):
            measured = training_metrics(self._estimator, *given, settings.pos_label, settings)
        log_measured(run, measured, model_id, self._dataset)
        with settings.without_harm("figures"):
            log_training_figures(run, self._estimator, *given, settings)

    def _log_model(self) -> str | None:
        return logged_model_id(
            self._settings,
            self._estimator,
            features=self._features,
            predict=getattr(self._estimator, "predict", None),
            serialization_format=self._settings.serialization_format,
        )


def _data_of(
    method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any, Any]:
    """Features, targets and sample weights among the arguments of a training."""
    try:
        given = inspect.signature(method).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):  # the training itself will complain
        return None, None, None
    named = {**given, **given.get("params", {}), **given.get("fit_params", {})}
    features = next(iter(given.values()), None)
    targets = named.get("y", named.get("Y"))
    return features, targets, named.get("sample_weight")


__all__ = ["LIBRARY", "OLDEST", "SklearnAutologging", "autolog"]
