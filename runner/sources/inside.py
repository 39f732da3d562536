"""The project's directory within a fetched tree, which it must not leave."""

from __future__ import annotations

from pathlib import Path

from runner.errors import SourceError, suggestion
from runner.model.source import SourceRef


def inside(root: Path, ref: SourceRef) -> Path:
    """`root` with the subdirectory of `ref`, symbolic links resolved.

    Raises SourceError where there is no such directory, or a link leads out of `root`.
    """
    directory = root / ref.subdirectory
    resolved, top = directory.resolve(), root.resolve()
    if resolved != top and top not in resolved.parents:
        raise SourceError(
            f"the subdirectory {ref.subdirectory!r} of {ref.display} leads out of it", ref=ref.display
        )
    if not resolved.is_dir():
        raise SourceError(
            f"{ref.display} has no directory {ref.subdirectory!r}", ref=ref.display, hint=_hint(directory)
        )
    return directory


def _hint(directory: Path) -> str | None:
    if not directory.parent.is_dir():
        return "see the part after # of the URI"
    siblings = sorted(entry.name for entry in directory.parent.iterdir() if entry.is_dir())
    meant = suggestion(directory.name, siblings)
    listed = ", ".join(name for name in siblings if not name.startswith("."))
    return f"did you mean {meant!r}?" if meant else f"there are {listed}" if listed else None
