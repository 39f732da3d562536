"""Which modules a model needs, read off its files. Nothing is imported, nothing is opened as a pickle."""

from __future__ import annotations

import ast
import json
import pickletools
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BUILT_IN = frozenset({*sys.stdlib_module_names, "__main__", "builtins"})
_SUBIMPORT = "<cloudpickle.subimport>"  # cloudpickle's name for: the module of this name


def modules_of_pickle(path: Path) -> set[str]:
    """The top-level modules that a pickle needs, and those loaded ones whose names are in it as texts.

    A function that is pickled by value holds the names of what it imports only so; a text that happens to be
    the name of a loaded module is among them too. Raises ValueError for what is no pickle.
    """
    with path.open("rb") as file:
        texts = {text for _, text, _ in pickletools.genops(file) if isinstance(text, str)}
    mentioned = {text for text in texts if text in sys.modules}
    return modules_named_in_pickle(path) | _outside(mentioned)


def modules_named_in_pickle(path: Path) -> set[str]:
    """The top-level modules of the classes and functions that a pickle names, and that its functions use."""
    found: set[str] = set()
    memo: list[str | None] = []
    texts: list[str | None] = [None, None]  # what was pushed last, where it was text
    with path.open("rb") as file:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name in ("MEMOIZE", "BINPUT", "LONG_BINPUT"):
                memo.append(texts[-1])
                continue
            if opcode.name in ("GLOBAL", "INST"):
                found.add(str(argument).partition(" ")[0])
            elif opcode.name == "STACK_GLOBAL" and texts[-2]:
                found.add(texts[-2])
            elif texts[-1] == _SUBIMPORT and isinstance(argument, str):
                found.add(argument)
            texts = [texts[-1], _pushed(opcode.name, argument, texts, memo)]
    return _outside(found)


def _pushed(opcode: str, argument: Any, texts: list[str | None], memo: list[str | None]) -> str | None:
    if opcode == "STACK_GLOBAL":
        return _SUBIMPORT if texts[-1] == "subimport" else None
    if opcode in ("BINGET", "LONG_BINGET"):
        return memo[argument] if argument < len(memo) else None
    return argument if isinstance(argument, str) else None


def modules_of_skops(path: Path) -> set[str]:
    """The top-level modules that a file of skops names: `__module__` in its `schema.json`."""
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    return _outside(_module_names(schema))


def modules_of_source(path: Path) -> set[str]:
    """The top-level modules that a Python file, or those in a directory, import. Broken files name none."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.suffix == ".py" else []
    own = {file.stem for file in files} | {file.parent.name for file in files if file.name == "__init__.py"}
    return _outside(name for file in files for name in _imports(file)) - own - {path.name}


def _outside(names: Any) -> set[str]:
    return {str(name).partition(".")[0] for name in names} - _BUILT_IN


def _module_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("__module__"), str):
            yield value["__module__"]
        for item in value.values():
            yield from _module_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _module_names(item)


def _imports(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


__all__ = ["modules_named_in_pickle", "modules_of_pickle", "modules_of_skops", "modules_of_source"]
