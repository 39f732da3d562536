"""How a scikit-learn model does afterwards: scores and metrics of what it predicted, in the run that made it.

A metric is called `<function>[-<call>]_<data set>`, the data set by the name of the caller's variable, as in
MLflow; calls and data sets of one name are numbered from 2. `metric_info.json` says what was called.
"""

from __future__ import annotations

import functools
import inspect
import numbers
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from tracking_client.integrations import nesting, training_data
from tracking_client.integrations.autologging import Autologging
from tracking_client.integrations.callers import name_of
from tracking_client.integrations.identity import ByIdentity
from tracking_client.run import ActiveRun

INFO_FILE = "metric_info.json"
UNKNOWN = "unknown_dataset"

_NOT_METRICS = frozenset({"check_scoring", "get_scorer", "get_scorer_names", "make_scorer"})
_MOST_LITERAL_CHARACTERS = 100


@dataclass(slots=True)
class _Evaluations:
    """What was computed of the models of one run."""

    run: ActiveRun
    calls: Counter[str] = field(default_factory=Counter)
    datasets: Counter[str] = field(default_factory=Counter)
    dataset_names: ByIdentity[str] = field(default_factory=ByIdentity)
    recorded: set[str] = field(default_factory=set)
    commands: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Prediction:
    """Where an array comes from: whose model predicted it, from what."""

    evaluations: _Evaluations
    features: Any
    dataset: str


_of_runs: ByIdentity[_Evaluations] = ByIdentity()
_models: ByIdentity[_Evaluations] = ByIdentity()
_predictions: ByIdentity[_Prediction] = ByIdentity()


def note_model(model: Any, run: ActiveRun) -> None:
    """What `model` predicts from now on belongs to `run`."""
    evaluations = _of_runs.get(run)
    if evaluations is None:
        evaluations = _Evaluations(run)
        _of_runs[run] = evaluations
    _models[model] = evaluations


def note_prediction(model: Any, predicted: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Remembers of an array, for as long as it lives, that `model` predicted it."""
    evaluations = _models.get(model)
    if evaluations is None:
        return
    features = args[0] if args else next(iter(kwargs.values()), None)
    _predictions[predicted] = _Prediction(evaluations, features, _dataset_name(evaluations, features))


def note_score(
    method: Callable[..., Any], model: Any, score: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Logs what `model.score` returned, where the model is one of a run."""
    evaluations = _models.get(model)
    if evaluations is None or not _is_number(score):
        return
    kind = type(model).__name__
    features = args[0] if args else next(iter(kwargs.values()), None)
    dataset = _dataset_name(evaluations, features)
    _log(evaluations, f"{kind}_score", dataset, score, f"{kind}.score{_arguments(method, args, kwargs)}")


def watch_metrics(settings: Callable[[], Autologging | None]) -> None:
    """Replaces the functions of `sklearn.metrics`; `settings()` says whether one is logged, and how."""
    from sklearn import metrics

    for name in metrics.__all__:
        function = getattr(metrics, name, None)
        if isinstance(function, FunctionType) and name not in _NOT_METRICS:
            setattr(metrics, name, _watched(function, settings))


def _watched(function: FunctionType, settings: Callable[[], Autologging | None]) -> Callable[..., Any]:
    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        in_force = settings()
        prediction = None if in_force is None else _predicted_among(args, kwargs)
        if in_force is None or prediction is None:
            return function(*args, **kwargs)
        with nesting.inside():  # metrics are made of metrics
            value = function(*args, **kwargs)
        with in_force.without_harm(f"the metric {function.__name__}"):
            _note_metric(function, prediction, value, args, kwargs)
        return value

    return watched


def _note_metric(
    function: FunctionType,
    prediction: _Prediction,
    value: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> None:
    if not _is_number(value):
        return
    name, evaluations = function.__name__, prediction.evaluations
    _log(evaluations, name, prediction.dataset, value, f"{name}{_arguments(function, args, kwargs)}")
    dataset = training_data.dataset_of(prediction.features)
    if dataset is not None and dataset.digest not in evaluations.recorded:
        evaluations.recorded.add(dataset.digest)
        training_data.log_dataset(evaluations.run, dataset, training_data.EVAL)


def _predicted_among(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Prediction | None:
    if not len(_predictions):
        return None
    found = (_predictions.get(value) for value in (*args, *kwargs.values()))
    return next((prediction for prediction in found if prediction is not None), None)


def _log(evaluations: _Evaluations, metric: str, dataset: str, value: Any, command: str) -> None:
    run = evaluations.run
    evaluations.calls[metric] += 1
    key = f"{_numbered(metric, evaluations.calls[metric])}_{dataset}"
    run.log_metrics({key: float(value)})
    evaluations.commands[key] = command
    run.client.log_dict(run.info.run_id, dict(sorted(evaluations.commands.items())), INFO_FILE)


def _dataset_name(evaluations: _Evaluations, features: Any) -> str:
    known = evaluations.dataset_names.get(features)
    if known is not None:
        return known
    name = name_of(features) or UNKNOWN
    evaluations.datasets[name] += 1
    numbered = _numbered(name, evaluations.datasets[name])
    evaluations.dataset_names[features] = numbered
    return numbered


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _arguments(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """The arguments of a call, as they may have been written."""
    given = inspect.signature(function).bind(*args, **kwargs).arguments
    return f"({', '.join(f'{name}={_shown(value)}' for name, value in given.items())})"


def _shown(value: Any) -> str:
    if value is None or isinstance(value, (bool, numbers.Number, str)):
        return repr(value)[:_MOST_LITERAL_CHARACTERS]
    return name_of(value) or f"<{type(value).__name__}>"


__all__ = ["INFO_FILE", "UNKNOWN", "note_model", "note_prediction", "note_score", "watch_metrics"]
