"""Paths of artifacts and of local files, none of which leads out of where it belongs."""

from __future__ import annotations

from pathlib import Path

from tracking_client import checks
from tracking_client.errors import ArtifactError


def joined(*parts: str) -> str:
    """The parts that are not empty, with slashes between."""
    return "/".join(part for part in parts if part)


def base_name(path: str) -> str:
    """The name of an entry as a store lists it. Raises ArtifactError where it can be no file's name."""
    name = path.rstrip("/").rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name or "\\" in name:
        raise ArtifactError(f"the server lists an artifact with the unusable name {path!r}", uri=path)
    return name


def contained(directory: Path, path: str) -> Path:
    """Where the artifact `path` is below `directory`, links followed.

    Raises InvalidArgument where the path leads outside by itself, ArtifactError where a link does.
    """
    relative = checks.artifact_path(path)
    target = directory / relative if relative else directory
    if not target.resolve().is_relative_to(directory.resolve()):
        raise ArtifactError(f"{target} is a link, or below one, that leads out of {directory}", uri=path)
    return target


__all__ = ["base_name", "contained", "joined"]
