"""Something to do as soon as a library has been imported; at once where it has been already."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType

_waiting: dict[str, Callable[[], None]] = {}
_searching = threading.local()


def when_imported(library: str, act: Callable[[], None]) -> None:
    """Calls `act` once `library` is imported. Of several for one library only the last is called."""
    if library in sys.modules:
        act()
        return
    _waiting[library] = act
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds nothing by itself: it has libraries that are waited for say when they are loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname not in _waiting or getattr(_searching, "is_on", False):
            return None
        _searching.is_on = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            _searching.is_on = False
        if spec is None or spec.loader is None:
            return None
        spec.loader = _Loader(spec.loader, _waiting.pop(fullname))
        return spec


class _Loader(importlib.abc.Loader):
    """Loads as the loader that it stands for, and then acts."""

    def __init__(self, loader: importlib.abc.Loader, act: Callable[[], None]) -> None:
        self._loader = loader
        self._act = act

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # From here on the module is the other loader's, whose resources and sources others ask for.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._act()


__all__ = ["when_imported"]
