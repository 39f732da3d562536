"""How well a scikit-learn model fits what it was trained on: metrics with MLflow's names, `training_…`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tracking_client.integrations.autologging import Autologging

PREFIX = "training_"


def training_metrics(
    model: Any, features: Any, targets: Any, sample_weight: Any, pos_label: Any, settings: Autologging
) -> dict[str, float]:
    """The metrics of a fitted model by name. What cannot be computed is told and left out.

    Classifiers are averaged by the classes' weight, unless `pos_label` names the one that counts.
    """
    from sklearn.base import is_classifier, is_regressor

    measures: dict[str, Callable[[], float]] = {}
    if is_classifier(model) and hasattr(model, "predict"):
        measures = _of_classifier(model, features, targets, sample_weight, pos_label)
    elif is_regressor(model) and hasattr(model, "predict"):
        measures = _of_regressor(model, features, targets, sample_weight)
    if hasattr(model, "score"):
        measures["score"] = lambda: _score(model, features, targets, sample_weight)
    found = {}
    for name, measure in measures.items():
        with settings.without_harm(f"the metric {PREFIX}{name}"):
            found[PREFIX + name] = float(measure())
    return found


def _of_classifier(
    model: Any, features: Any, targets: Any, sample_weight: Any, pos_label: Any
) -> dict[str, Callable[[], float]]:
    from sklearn import metrics

    predicted = model.predict(features)
    counted = {"sample_weight": sample_weight, "zero_division": 0, "average": "weighted"}
    if pos_label is not None:
        counted |= {"average": "binary", "pos_label": pos_label}
    measures: dict[str, Callable[[], float]] = {
        "precision_score": lambda: metrics.precision_score(targets, predicted, **counted),
        "recall_score": lambda: metrics.recall_score(targets, predicted, **counted),
        "f1_score": lambda: metrics.f1_score(targets, predicted, **counted),
        "accuracy_score": lambda: metrics.accuracy_score(targets, predicted, sample_weight=sample_weight),
    }
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(features)
        measures["log_loss"] = lambda: metrics.log_loss(targets, probabilities, sample_weight=sample_weight)
        measures["roc_auc"] = lambda: metrics.roc_auc_score(
            targets,
            probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities,
            average="weighted",
            sample_weight=sample_weight,
            multi_class="ovo",
        )
    return measures


def _of_regressor(
    model: Any, features: Any, targets: Any, sample_weight: Any
) -> dict[str, Callable[[], float]]:
    from sklearn import metrics

    predicted = model.predict(features)

    def by(metric: Callable[..., float]) -> Callable[[], float]:
        return lambda: metric(targets, predicted, sample_weight=sample_weight)

    squared = by(metrics.mean_squared_error)
    return {
        "mean_squared_error": squared,
        "mean_absolute_error": by(metrics.mean_absolute_error),
        "r2_score": by(metrics.r2_score),
        "root_mean_squared_error": lambda: squared() ** 0.5,
    }


def _score(model: Any, features: Any, targets: Any, sample_weight: Any) -> float:
    if sample_weight is None or "sample_weight" not in inspect.signature(model.score).parameters:
        return float(model.score(features, targets))
    return float(model.score(features, targets, sample_weight=sample_weight))


__all__ = ["PREFIX", "training_metrics"]
