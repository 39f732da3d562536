"""The small files of MLflow's file store: a YAML document each, or one value each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracking_server.importing.records import Problem
from tracking_server.store.records import Tag

Noticed = list[Problem]
"""Problems that were come across, in order."""


def read(path: Path, kind: str, noticed: Noticed) -> dict[str, Any] | None:
    """The document in `path`; None, and a problem, where there is none that can be read."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # both are safe
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())[:300]
        noticed.append(Problem(kind=kind, what=str(path), why=why))
        return None
    if not isinstance(document, dict):
        noticed.append(Problem(kind=kind, what=str(path), why="it holds no names and values"))
        return None
    return document


def subdirectories(directory: Path, noticed: Noticed) -> list[Path]:
    """The directories in a directory, by name; none where it is absent."""
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        noticed.append(Problem(kind="directory", what=str(directory), why=str(error)))
        return []


def named_files(directory: Path, noticed: Noticed) -> Iterator[tuple[str, Path]]:
    """Every file below a directory with its name there: a key with slashes is a file in directories."""
    try:
        paths = sorted(path for path in directory.rglob("*") if path.is_file())
    except OSError as error:
        noticed.append(Problem(kind="directory", what=str(directory), why=str(error)))
        return
    for path in paths:
        yield path.relative_to(directory).as_posix(), path


def values(directory: Path, noticed: Noticed) -> tuple[Tag, ...]:
    """The values below a directory, one file each, by key."""
    found: list[Tag] = []
    for key, path in named_files(directory, noticed):
        try:
            # Line ends belong to the value.
            found.append(Tag(key, path.read_bytes().decode("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            noticed.append(Problem(kind="value", what=str(path), why=str(error)))
    return tuple(found)


def text(value: object, default: str = "") -> str:
    """A value of a document as text; `default` where it is absent."""
    return default if value is None else str(value)


def integer(value: object, default: int) -> int:
    """A value of a document as a whole number; `default` where it is none."""
    try:
        return default if value is None else int(str(value))
    except ValueError:
        return default
