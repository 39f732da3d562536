"""MLflow without its warnings, which would be errors here, and Keras with the one backend that starts no thread."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def quiet() -> Iterator[None]:
    """No warning and no log line of MLflow's within."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


with quiet(), pytest.MonkeyPatch.context() as _environ:
    _environ.setenv("KERAS_BACKEND", "numpy")
    import mlflow
    import mlflow.keras
    import mlflow.pyfunc
    import mlflow.sklearn

__all__ = ["mlflow", "quiet"]
