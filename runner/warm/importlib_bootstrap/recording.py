"""Importing ahead, with a record of what each import brought in, printed and changed."""

from __future__ import annotations

import _frozen_importlib
import builtins
import contextlib
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, NamedTuple

# Their threads are OpenBLAS', which end before a fork and start again after it, and those of an allocator.
_FORK_WELL = frozenset({"numpy", "scipy", "pyarrow"})


class ImportStep:
    """One import statement, performed: the variables it found and those it changed, and what it printed."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.changes: dict[str, str | None] = {}
        self.output: tuple[bytes, bytes] = (b"", b"")


class Unfit(Exception):
    """No program can be forked from this process. `omit` is the number of the step to blame, if one is."""

    def __init__(self, reason: str, omit: int | None = None) -> None:
        super().__init__(reason)
        self.omit = omit


class Imported(NamedTuple):
    """All that was imported ahead. `needs` are the imports that each module made when it was loaded."""

    modules: dict[str, Any]
    needs: dict[str, set[str]]
    step_of: dict[str, ImportStep]
    steps: list[ImportStep]
    path: list[str]


class Recorder:
    """Performs the steps of a plan. Used once, by one thread."""

    def __init__(self, at_start: frozenset[str], stdout_fd: int, stderr_fd: int) -> None:
        self.at_start = at_start
        self.pipes = (stdout_fd, stderr_fd)
        self.needs: dict[str, set[str]] = {}
        self.loading: list[str] = []
        self.step_of: dict[str, ImportStep] = {}
        self.steps: list[ImportStep] = []
        self.known_threads = _threads()
        self.path = list(sys.path)
        self.homes = environment_directories()

    def perform(self, plan: list[dict[str, Any]]) -> Imported:
        """Imports what can be imported. Raises Unfit."""
        hooks = builtins.__import__, _frozen_importlib._load_unlocked  # type: ignore[attr-defined]
        self.original_import, self.original_load = hooks
        before, start = self._loaded(), dict(os.environ)
        builtins.__import__ = self._import
        _frozen_importlib._load_unlocked = self._load  # type: ignore[attr-defined]
        try:
            self._steps(plan, before)
            if builtins.__import__ != self._import:
                raise Unfit("a module changes how Python imports")
        finally:
            builtins.__import__, _frozen_importlib._load_unlocked = hooks  # type: ignore[attr-defined]
        _set_environ(start)
        if sys.path != self.path:
            raise Unfit("a module changes sys.path")
        sys.modules.pop(
            "__mp_main__", None
        )  # multiprocessing's name for the main module: the program has another
        modules = {
            name: sys.modules[name]
            for name in sys.modules
            if name not in self.at_start and not _is_ours(name)
        }
        self._attach(modules)
        self._check_homes(modules)
        return Imported(modules, self.needs, self.step_of, self.steps, self.path)

    def _loaded(self) -> set[str]:
        return set(sys.modules)

    def _steps(self, plan: list[dict[str, Any]], before: set[str]) -> None:
        first = ImportStep(dict(os.environ))  # what this package itself has imported
        for name in before - self.at_start:
            self.step_of[name] = first
            self.needs.setdefault(name, set()).update(_mentioned(sys.modules[name]))
        saved: list[dict[str, str]] = []
        for number, step in enumerate(plan):
            kind = step["kind"]
            if kind == "begin":
                saved.append(dict(os.environ))
            elif kind == "end":
                _set_environ(saved.pop())
            elif kind == "set":
                os.environ[step["text"]] = step["value"]
            elif kind == "default":
                os.environ.setdefault(step["text"], step["value"])
            elif self._is_of_environment(step["names"][0].partition(".")[0]):
                self._import_step(step, number)

    def _import_step(self, step: dict[str, Any], number: int) -> None:
        performed = ImportStep(dict(os.environ))
        before = self._loaded()
        code = compile("\n" * (step["line"] - 1) + step["text"], step["file"], "exec", dont_inherit=True)
        namespace = {"__name__": step["module"], "__file__": step["file"], "__builtins__": builtins}
        with contextlib.suppress(BaseException):  # the program that imports it shows its own error
            exec(code, namespace)  # noqa: S102  # an import statement, read from the script
        new = [name for name in sys.modules if name not in before]
        for name in new:
            self.step_of[name] = performed
            if name not in self.needs:
                self.needs.setdefault(step["names"][0], set()).add(name)
        performed.changes = _differences(performed.environ, dict(os.environ))
        performed.output = self._output()
        if new:
            self.steps.append(performed)
        if len(sys._current_frames()) > 1 or _threads() > self.known_threads:
            raise Unfit(f"`{step['text']}` starts threads, which a fork would lose", number)

    def _import(
        self,
        name: str,
        globals: Any = None,  # noqa: A002  # the names of `__import__`
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        result = self.original_import(name, globals, locals, fromlist, level)
        importer = globals.get("__name__") if globals else None
        if not isinstance(importer, str):
            importer = self.loading[-1] if self.loading else None
        if importer is not None:
            absolute = name
            if level:
                package = globals.get("__package__") or (
                    importer if "__path__" in globals else importer.rpartition(".")[0]
                )
                absolute = importlib.util.resolve_name("." * level + name, package)
            # A function of a module may import when another one is loaded: it is that one which needs it.
            needs = self.needs.setdefault(self.loading[-1] if self.loading else importer, set())
            needs.add(absolute)
            for inner in fromlist or ():
                if f"{absolute}.{inner}" in sys.modules:
                    needs.add(f"{absolute}.{inner}")
        return result

    def _load(self, spec: Any) -> Any:
        if self.loading:
            self.needs.setdefault(self.loading[-1], set()).add(spec.name)
        self.needs.setdefault(spec.name, set())
        self.loading.append(spec.name)
        binary = isinstance(spec.loader, importlib.machinery.ExtensionFileLoader)
        threads = _threads() if binary else 0
        try:
            return self.original_load(spec)
        finally:
            self.loading.pop()
            if binary and spec.name.partition(".")[0] in _FORK_WELL:
                self.known_threads += _threads() - threads

    def _attach(self, modules: dict[str, Any]) -> None:
        """A module that nothing loaded (an alias, one made by hand) comes with the package it is in."""
        for name, module in modules.items():
            parent = name.rpartition(".")[0]
            if parent in modules and getattr(module, "__spec__", None) is None:
                self.needs.setdefault(parent, set()).add(name)

    def _is_of_environment(self, name: str) -> bool:
        if name in sys.builtin_module_names or name in sys.modules:
            return True
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return False
        if spec is None:
            return False
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        return bool(places) and all(place == "frozen" or self._is_home(place) for place in places)

    def _is_home(self, place: str) -> bool:
        return os.path.abspath(place).startswith(self.homes)

    def _check_homes(self, modules: dict[str, Any]) -> None:
        for name, module in modules.items():
            file = getattr(module, "__dict__", {}).get("__file__")
            if isinstance(file, str) and not self._is_home(file):
                raise Unfit(f"{name} is imported from {file}, outside of the environment")

    def _output(self) -> tuple[bytes, bytes]:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        out, err = (_read_all(fd) for fd in self.pipes)
        return out, err


def environment_directories() -> tuple[str, ...]:
    """Where the interpreter's own modules are: its standard library and every `site-packages`."""
    homes = [os.path.dirname(os.path.abspath(os.__file__))]
    homes += [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    return tuple(os.path.join(home, "") for home in homes)


def _mentioned(module: Any) -> set[str]:
    """The modules that the names of a module come from: what is left of imports that were not recorded."""
    found = set()
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str):
            found.add(name)
    return found


def _read_all(fd: int) -> bytes:
    pieces = []
    while True:
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _is_ours(name: str) -> bool:
    return name.startswith("_runner_")


def _differences(before: dict[str, str], after: dict[str, str]) -> dict[str, str | None]:
    names = [*after, *(name for name in before if name not in after)]
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}


def _set_environ(wanted: dict[str, str]) -> None:
    for name, value in _differences(dict(os.environ), wanted).items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
