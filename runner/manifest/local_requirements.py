"""Requirements that are on this machine: their content becomes part of the environment's identity."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runner.local_source import directory_digest, file_digest, listing_digest
from runner.manifest.requirement_lines import LocalPath
from runner.model.environment import LocalSource


def local_sources(project: Path, paths: Iterable[LocalPath]) -> tuple[LocalSource, ...]:
    """The sources behind `paths`, with digests of what counts in them for the project at `project`."""
    found: dict[str, LocalSource] = {}
    for local in paths:
        if local.requirement in found:
            continue
        if local.requirement.startswith("--"):
            digest = listing_digest(local.path) if local.path.is_dir() else file_digest(local.path)
        elif local.path.is_file():
            digest = file_digest(local.path)
        else:
            digest = directory_digest(local.path, project=project, editable=local.editable)
        found[local.requirement] = LocalSource(
            requirement=local.requirement,
            directory=str(local.path),
            digest=digest,
            editable=local.editable,
        )
    return tuple(found.values())
