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


def modules_of_pickle(path: Path) -> set[str]:
    """The top-level modules that a pickle names: those of its classes, and those its functions use.

    Only texts of the pickle are looked at, so that a text which happens to be the name of a loaded module may
    be among them. Raises ValueError for what is no pickle.
    """
    texts = set()
    with path.open("rb") as file:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "GLOBAL":
                texts.add(str(argument).partition(" ")[0])
            elif isinstance(argument, str) and _is_dotted_name(argument):
                texts.add(argument)
    return _outside(name for name in texts if name in sys.modules)


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


def _is_dotted_name(text: str) -> bool:
    return len(text) < 200 and all(part.isidentifier() for part in text.split("."))


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


__all__ = ["modules_of_pickle", "modules_of_skops", "modules_of_source"]
