"""A model's own code: files of its author that travel with it, in its directory `code`."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from tracking_client.errors import InvalidArgument

CODE = "code"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".git")


def copy_code(code_paths: Sequence[str | PathLike[str]] | None, directory: Path) -> str | None:
    """Copies files and directories into `directory`/code; returns "code", or None where there are none.

    Raises InvalidArgument for a path that leads nowhere, or a name that is there twice.
    """
    if isinstance(code_paths, (str, PathLike)):
        raise InvalidArgument("`code_paths` is a list of paths")
    for given in code_paths or ():
        source = Path(given).resolve()
        target = directory / CODE / source.name
        if not source.exists() or directory.resolve().is_relative_to(source):
            raise InvalidArgument(f"`code_paths`: there is no code at '{given}'")
        if target.exists():
            raise InvalidArgument(f"`code_paths` holds two files or directories called '{source.name}'")
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFT_OUT)
        else:
            shutil.copyfile(source, target)
    return CODE if code_paths else None


def code_files(directory: Path, code: str | None) -> list[Path]:
    """Every file of a model's code."""
    return sorted(path for path in (directory / code).rglob("*") if path.is_file()) if code else []


def make_importable(directory: Path) -> None:
    """Lets the code in `directory` be imported, before any other code of the same name.

    A module of that name that is loaded already stays what it is, as with MLflow.
    """
    place = str(directory)
    if place not in sys.path:
        sys.path.insert(0, place)
        importlib.invalidate_caches()


def inside(directory: Path, relative: object) -> Path:
    """The file or directory of a model that its MLmodel file names. Raises InvalidArgument for others."""
    root = directory.resolve()
    path = Path(root, str(relative)).resolve()
    if not path.is_relative_to(root) or not path.exists():
        raise InvalidArgument(f"The MLmodel file names {str(relative)!r}, which is not in the model")
    return path


__all__ = ["CODE", "code_files", "copy_code", "inside", "make_importable"]
