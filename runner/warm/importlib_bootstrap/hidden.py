"""Modules that are loaded but not yet imported: `sys.modules` shows each once the program imports it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .recording import Imported, ImportStep

_STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
_ATTRIBUTES = ("__spec__", "__loader__", "__package__", "__file__", "__cached__", "__path__")


class HiddenModules:
    """Stands first in `sys.meta_path` and leaves when nothing is hidden any more.

    `run_cold(reason)` is called where a module would not be what the program's import makes of it.
    """

    def __init__(self, imported: Imported, environ: dict[str, str], run_cold: Callable[[str], None]) -> None:
        self.imported = imported
        self.hidden = dict(imported.modules)
        self.run_cold = run_cold
        self.shown: set[int] = set()
        self.added_path: dict[str, frozenset[str]] = {}
        # These differ for reasons of ours: they are the run's own, or other imports set them.
        self.exempt = {name for step in imported.steps for name in step.changes}
        if imported.steps:
            first = imported.steps[0].environ
            self.exempt |= {name for name in {*first, *environ} if first.get(name) != environ.get(name)}

    def hide(self) -> None:
        """Takes the modules out of sight."""
        for name in self.hidden:
            sys.modules.pop(name, None)
        if self.hidden:
            sys.meta_path.insert(0, self)

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: Any = None) -> Any:
        """The specification of a hidden module: its own, with a loader that shows it."""
        if name not in self.hidden:
            return None
        module = self.hidden[name]
        own = getattr(module, "__dict__", {}).get("__spec__")
        if own is None:
            return importlib.machinery.ModuleSpec(
                name, _Loader(self, None), is_package="__path__" in getattr(module, "__dict__", {})
            )
        spec = importlib.machinery.ModuleSpec(name, None)
        spec.__dict__.update(own.__dict__)  # the module `copy` imports, which must not happen in here
        spec.loader = _Loader(self, own.loader)
        return spec

    def show(self, name: str) -> None:
        """Puts the module, and all that loading it would import, where an import puts them."""
        names = self._needed(name)
        self._check_path(names)
        for step in self.imported.steps:
            brought = [each for each in names if self.imported.step_of.get(each) is step]
            if id(step) in self.shown or not brought:
                continue
            # Python's own modules are imported at many moments, and are the same whatever the variables are.
            if any(each.partition(".")[0] not in _STANDARD for each in brought):
                self._check_environ(name, step)
            self.shown.add(id(step))
            os.environ.update({key: value for key, value in step.changes.items() if value is not None})
            for key, value in step.changes.items():
                if value is None:
                    os.environ.pop(key, None)
            self._print(step)
        for each in [each for each in self.hidden if each in names]:
            sys.modules[each] = self.hidden.pop(each)
        if not self.hidden and self in sys.meta_path:
            sys.meta_path.remove(self)

    def _needed(self, name: str) -> set[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            each = waiting.pop()
            if each in found or each not in self.hidden:
                continue
            found.add(each)
            waiting.extend(self.imported.needs.get(each, ()))
            if "." in each:
                waiting.append(each.rpartition(".")[0])
        return found

    def _check_environ(self, name: str, step: ImportStep) -> None:
        for key in {*step.environ, *os.environ}:
            if step.environ.get(key) != os.environ.get(key) and key not in self.exempt:
                self.run_cold(f"{key} is changed before {name} is imported")

    def _check_path(self, names: set[str]) -> None:
        """A directory that the program has put on `sys.path` could have another module of the name."""
        tops = {each.partition(".")[0] for each in names}
        for directory in sys.path:
            if directory in self.imported.path:
                continue
            if directory not in self.added_path:
                self.added_path[directory] = module_names(directory)
            for top in sorted(tops & self.added_path[directory]):
                if top not in sys.builtin_module_names:
                    self.run_cold(f"{directory} has a module {top} of its own")

    @staticmethod
    def _print(step: ImportStep) -> None:
        for number, stream, output in ((1, sys.stdout, step.output[0]), (2, sys.stderr, step.output[1])):
            if not output:
                continue
            try:
                stream.flush()
                os.write(number, output)
            except (OSError, ValueError, AttributeError):
                continue  # closed by the program


class _Loader(importlib.abc.Loader):
    """The loader of a hidden module; all but loading is the true one's."""

    def __init__(self, modules: HiddenModules, own: Any) -> None:
        self._modules = modules
        self._own = own
        self._kept: dict[str, Any] = {}
        self._name = ""

    def create_module(self, spec: Any) -> Any:
        self._name = spec.name
        module = self._modules.hidden[spec.name]
        attributes = getattr(module, "__dict__", {})
        self._kept = {name: attributes[name] for name in _ATTRIBUTES if name in attributes}
        return module

    def exec_module(self, module: Any) -> None:
        attributes = getattr(module, "__dict__", None)
        if isinstance(attributes, dict):  # the import has written into it as into a new one
            for key in _ATTRIBUTES:
                if key not in self._kept:
                    attributes.pop(key, None)
                elif attributes.get(key) is not self._kept[key]:
                    attributes[key] = self._kept[key]
        self._modules.show(self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def module_names(directory: str) -> frozenset[str]:
    """The names of the modules that an import finds in a directory; none where it cannot be read."""
    try:
        entries = os.listdir(directory or ".")
    except OSError:
        return frozenset()
    suffixes = tuple(importlib.machinery.all_suffixes())
    files = {entry.partition(".")[0] for entry in entries if entry.endswith(suffixes)}
    packages = {
        entry
        for entry in entries
        if "." not in entry and os.path.exists(os.path.join(directory, entry, "__init__.py"))
    }
    return frozenset(files | packages)
