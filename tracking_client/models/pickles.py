"""Pickles of models, written so that opening them needs nothing of ours."""

from __future__ import annotations

import os
import pickle
import threading
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models import python_model

_by_value = threading.Lock()


def dump_pickle(value: Any, path: Path, *, plain: bool = False) -> str | None:
    """Writes the value with cloudpickle; returns its version. `plain` is pickle of the standard library.

    Raises InvalidArgument for a value that cannot be pickled, or where cloudpickle is not installed.
    """
    try:
        if plain:
            path.write_bytes(pickle.dumps(value, protocol=4))
            return None
        return _dump_with_cloudpickle(value, path)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidArgument(f"The model cannot be pickled: {error}") from error


def _dump_with_cloudpickle(value: Any, path: Path) -> str:
    try:
        import cloudpickle
    except ImportError:
        raise InvalidArgument("Saving this model needs cloudpickle: pip install cloudpickle") from None
    with _by_value:
        cloudpickle.register_pickle_by_value(python_model)
        try:
            path.write_bytes(cloudpickle.dumps(value))
        finally:
            cloudpickle.unregister_pickle_by_value(python_model)
    return str(cloudpickle.__version__)


def load_pickle(path: Path) -> Any:
    """What the pickle holds. Only for files that are trusted.

    Raises InvalidArgument where it cannot be read here, which mostly means that something is not installed.
    """
    try:
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301  # callers have asked models.trust
    except Exception as error:
        raise InvalidArgument(
            f"'{path.name}' of the model cannot be read here: {error!r}. Its requirements.txt says what "
            "must be installed"
        ) from error


def _after_fork() -> None:
    global _by_value  # noqa: PLW0603  # held by a thread that the child does not have
    _by_value = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["dump_pickle", "load_pickle"]
