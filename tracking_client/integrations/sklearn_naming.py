"""What scikit-learn estimators are called in tags."""

from __future__ import annotations

from typing import Any


def estimator_tags(estimator: Any) -> dict[str, str]:
    """The name of the class, and the name with its module."""
    kind = type(estimator)
    return {
        "estimator_name": kind.__name__,
        "estimator_class": f"{kind.__module__}.{kind.__name__}",
    }


__all__ = ["estimator_tags"]
