"""Finding a project's file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runner.errors import ManifestNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The project file of a directory (None: it has none), and others that differ in casing only."""

    path: Path | None
    passed_over: tuple[Path, ...] = ()


def find_manifest(directory: Path) -> Found:
    """The file called `MLproject` in any casing. Of several, `MLproject` itself, else the first by name.

    Raises ManifestNotFound where `directory` is none, or cannot be read.
    """
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if entry.name.lower() == "mlproject" and entry.is_file()]
    except NotADirectoryError:
        raise ManifestNotFound(
            "is a file, not a project's directory", path=directory, hint=f"name {directory.parent} instead"
        ) from None
    except OSError as error:
        raise ManifestNotFound(f"cannot be opened: {error.strerror}", path=directory) from None
    names.sort(key=lambda name: (name != "MLproject", name))
    paths = [directory / name for name in names]
    return Found(path=paths[0] if paths else None, passed_over=tuple(paths[1:]))
