"""Which calls belong to a training that is watched already: a pipeline's steps, a search's candidates."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_PARALLEL = "sklearn.utils.parallel"
"""Wraps everything that scikit-learn itself does in parallel, and nothing that its users do."""

_here = threading.local()
_training: set[int] = set()
"""Threads with a training that may have workers."""


@contextmanager
def inside() -> Iterator[None]:
    """Everything that is called meanwhile in this thread is part of one training."""
    outer = getattr(_here, "is_inside", False)
    _here.is_inside = True
    is_first = not outer and not _is_worker()
    if is_first:
        _training.add(threading.get_ident())
    try:
        yield
    finally:
        _here.is_inside = outer
        if is_first:
            _training.discard(threading.get_ident())


def is_inside() -> bool:
    """Whether the caller is part of a training: of its own thread's, or as a worker of another's.

    The folds of a cross-validation that is no part of a training are trainings of their own.
    """
    return getattr(_here, "is_inside", False) or (bool(_training) and _is_worker())


def _is_worker() -> bool:
    """Whether scikit-learn has this done in parallel: its threads do not know for which thread they work."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == _PARALLEL:
            return True
        frame = frame.f_back
    return False


__all__ = ["inside", "is_inside"]
