"""Which scikit-learn estimators are watched, and how their methods are replaced."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Protocol

TRAINING = ("fit", "fit_transform", "fit_predict")
PREDICTING = ("predict", "predict_proba", "predict_log_proba", "transform")
SCORING = ("score",)

_PREPARING = ("preprocessing", "feature_extraction", "feature_selection", "impute")
"""Packages of scikit-learn whose estimators only prepare data: as with MLflow, they make no run."""
_PREPARING_CLASSES = frozenset({"ColumnTransformer"})
_MARK = "_is_watched"


class Watcher(Protocol):
    """Called instead of a method: with the method, bound, its estimator and its arguments."""

    def __call__(
        self, method: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What the caller gets."""
        ...


def is_watched(estimator: object) -> bool:
    """Whether its trainings are logged: those of scikit-learn's classes, and of classes derived from them."""
    from sklearn.base import BaseEstimator

    for ancestor in type(estimator).__mro__:
        if _is_of_sklearn(ancestor) and issubclass(ancestor, BaseEstimator) and ancestor is not BaseEstimator:
            package = ancestor.__module__.split(".")[1]
            return package not in _PREPARING and ancestor.__name__ not in _PREPARING_CLASSES
    return False


def watch_estimators(watchers: dict[str, Watcher]) -> None:
    """Replaces methods, by name, of all estimators that there are and of those imported later."""
    from sklearn import base

    for kind in _classes(base.BaseEstimator):
        _watch_class(kind, watchers)
    _watch_later_classes(base.BaseEstimator, watchers)


def _watch_later_classes(base: Any, watchers: dict[str, Watcher]) -> None:
    own = vars(base).get("__init_subclass__")

    def watch_new_class(cls: Any, /, **options: Any) -> None:
        if own is None:
            super(base, cls).__init_subclass__(**options)
        else:
            own.__get__(None, cls)(**options)
        _watch_class(cls, watchers)

    base.__init_subclass__ = classmethod(watch_new_class)


def _classes(base: Any) -> Iterator[type]:
    seen = {base}
    waiting = [base]
    while waiting:
        kind = waiting.pop()
        yield kind
        new = [each for each in kind.__subclasses__() if each not in seen]
        seen.update(new)
        waiting += new


def _watch_class(kind: type, watchers: dict[str, Watcher]) -> None:
    """Replaces the methods of a class, and those that it has from classes which are no estimators."""
    for ancestor in kind.__mro__:
        if not _is_of_sklearn(ancestor):
            continue
        for name, watcher in watchers.items():
            method = vars(ancestor).get(name)
            if isinstance(method, FunctionType) and not hasattr(method, _MARK):
                setattr(ancestor, name, _watched_function(method, watcher))
            elif type(method).__name__ == "_AvailableIfDescriptor":
                setattr(ancestor, name, _WatchedDescriptor(method, watcher))


def _is_of_sklearn(kind: type) -> bool:
    return kind.__module__.startswith("sklearn.")


def _watched_function(function: FunctionType, watcher: Watcher) -> Callable[..., Any]:
    @functools.wraps(function)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        return watcher(function.__get__(self), self, args, kwargs)

    setattr(watched, _MARK, True)
    return watched


class _WatchedDescriptor:
    """Takes the place of a method that is there only for some estimators (`available_if`)."""

    def __init__(self, original: Any, watcher: Watcher) -> None:
        self._original = original
        self._watcher = watcher
        self.__doc__ = original.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        method = self._original.__get__(instance, owner)
        if instance is None:
            return method

        @functools.wraps(method)
        def watched(*args: Any, **kwargs: Any) -> Any:
            return self._watcher(method, instance, args, kwargs)

        return watched


__all__ = ["PREDICTING", "SCORING", "TRAINING", "Watcher", "is_watched", "watch_estimators"]
