"""Which calls belong to a training that is watched already: a pipeline's steps, a search's candidates."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_WORKERS = ("joblib", "sklearn.utils.parallel")

_here = threading.local()
_training: set[int] = set()


@contextmanager
def inside() -> Iterator[None]:
    """Everything that is called meanwhile in this thread is part of one training."""
    outer = getattr(_here, "is_inside", False)
    _here.is_inside = True
    _training.add(threading.get_ident())
    try:
        yield
    finally:
        _here.is_inside = outer
        if not outer:
            _training.discard(threading.get_ident())


def is_inside() -> bool:
    """Whether the caller is part of a training: of its own thread's, or as a worker of another's."""
    if getattr(_here, "is_inside", False):
        return True
    return bool(_training) and _is_worker()


def _is_worker() -> bool:
    """Whether joblib called this: its threads know nothing of the thread that they work for."""
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(_WORKERS):
            return True
        outer = frame.f_back
        if outer is None:
            return False
        frame = outer
    return False


__all__ = ["inside", "is_inside"]
