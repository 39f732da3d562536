"""Pictures of how a classifier does on what it was trained on. Only where Matplotlib is installed."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from tracking_client.integrations.autologging import Autologging
from tracking_client.run import ActiveRun


def log_training_figures(
    run: ActiveRun, model: Any, features: Any, targets: Any, sample_weight: Any, settings: Autologging
) -> None:
    """Stores the confusion matrix, and for two classes the ROC and precision-recall curves, as PNG files."""
    from sklearn.base import is_classifier

    if not is_classifier(model) or not hasattr(model, "predict"):
        return
    try:
        from matplotlib.figure import Figure
        from sklearn import metrics
    except ImportError:
        return
    common = {"sample_weight": sample_weight}
    drawings: dict[str, Callable[[Any], Any]] = {
        "training_confusion_matrix": lambda axes: metrics.ConfusionMatrixDisplay.from_estimator(
            model, features, targets, normalize="true", cmap="Blues", ax=axes, **common
        )
    }
    if len(getattr(model, "classes_", ())) == 2 and _has_scores(model):
        drawings["training_roc_curve"] = lambda axes: metrics.RocCurveDisplay.from_estimator(
            model, features, targets, ax=axes, **common
        )
        drawings["training_precision_recall_curve"] = lambda axes: (
            metrics.PrecisionRecallDisplay.from_estimator(model, features, targets, ax=axes, **common)
        )
    for name, draw in drawings.items():
        with settings.without_harm(f"the figure {name}"):
            figure = Figure()  # not pyplot's, which keeps every figure and may open windows
            draw(figure.subplots())
            image = io.BytesIO()
            figure.savefig(image, format="png")
            run.client.log_bytes(run.info.run_id, image.getvalue(), f"{name}.png")


def _has_scores(model: Any) -> bool:
    return hasattr(model, "predict_proba") or hasattr(model, "decision_function")


__all__ = ["log_training_figures"]
