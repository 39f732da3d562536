"""The small files of MLflow's file store: a YAML document each, or one value each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracking_server.importing.records import Problem
from tracking_server.store.records import Tag

Noticed = list[Problem]
"""Problems that were come across, in order."""

LONGEST_LINE = 10_000

MAX_BYTES = 64 * 1024 * 1024
"""How long a document or a value may be; MLflow's longest, the profile of a dataset, has a quarter."""


def read(path: Path, kind: str, noticed: Noticed) -> dict[str, Any] | None:
    """The document in `path`; None, and a problem, where there is none that can be read."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(_content(path), Loader=loader)  # noqa: S506  # both are safe
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())[:300]
        noticed.append(Problem(kind=kind, what=str(path), why=why))
        return None
    if not isinstance(document, dict):
        noticed.append(Problem(kind=kind, what=str(path), why="it holds no names and values"))
        return None
    return {str(key): value for key, value in document.items() if _is_plain(value)}


def _content(path: Path) -> str:
    """What a file holds. Raises OSError, ValueError; also for what MLflow never makes."""
    if path.is_symlink():  # to any file of this machine
        raise ValueError("it is a symbolic link")
    size_bytes = path.stat().st_size
    if size_bytes > MAX_BYTES:
        raise ValueError(f"it has {size_bytes} bytes, more than {MAX_BYTES}")
    # Line ends belong to the value.
    return path.read_bytes().decode("utf-8")


def _is_plain(value: object) -> bool:
    """Whether a value can be written out: what refers to itself, or to others many times, has no end."""
    inner = value.values() if isinstance(value, dict) else [value]
    return not any(
        isinstance(one, (dict, list, set, tuple)) or (isinstance(one, int) and one.bit_length() > 64)
        for one in inner
    )


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
    if directory.is_symlink():  # to any directory of this machine
        noticed.append(Problem(kind="directory", what=str(directory), why="it is a symbolic link"))
        return
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
            found.append(Tag(key, _content(path)))
        except (OSError, ValueError) as error:
            noticed.append(Problem(kind="value", what=str(path), why=str(error)))
    return tuple(found)


def lines(path: Path, kind: str, noticed: Noticed) -> Iterator[tuple[int, str]]:
    """The lines of a file that hold something, with their numbers; one after another, however many."""
    what = f"{kind} {path}"
    if path.is_symlink():  # to any file of this machine
        noticed.append(Problem(kind=kind, what=what, why="it is a symbolic link"))
        return
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), 1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        noticed.append(Problem(kind=kind, what=what, why=str(error)))


def text(value: object, default: str = "") -> str:
    """A value of a document as text; `default` where it is absent."""
    return default if value is None else str(value)


def integer(value: object, default: int) -> int:
    """A value of a document as a whole number; `default` where it is none."""
    try:
        return default if value is None else int(str(value))
    except ValueError:
        return default
