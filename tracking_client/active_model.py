"""The logged model that a thread's metrics belong to, where somebody said so.

Each thread has its own, which is the one of MLFLOW_ACTIVE_MODEL_ID until the thread sets another. The
variable is read when a thread first asks, since every metric asks; MLflow does so, too.
"""

from __future__ import annotations

import os
import threading

ACTIVE_MODEL_ID = "MLFLOW_ACTIVE_MODEL_ID"
_OLDER = "_MLFLOW_ACTIVE_MODEL_ID"


class _Chosen(threading.local):
    def __init__(self) -> None:
        self.model_id: str | None = os.environ.get(ACTIVE_MODEL_ID) or os.environ.get(_OLDER) or None


_chosen = _Chosen()


def get_active_model_id() -> str | None:
    """The id of the logged model that metrics of this thread belong to; None where nobody set one."""
    return _chosen.model_id


def choose(model_id: str | None) -> None:
    """Makes it the active model of this thread; None: it has none."""
    _chosen.model_id = model_id


def clear_active_model() -> None:
    """From here on this thread, and every thread that starts later, has no active model."""
    for name in (ACTIVE_MODEL_ID, _OLDER):
        os.environ.pop(name, None)
    choose(None)


__all__ = ["ACTIVE_MODEL_ID", "choose", "clear_active_model", "get_active_model_id"]
