"""Artifacts in a directory that this program sees."""

from __future__ import annotations

import os
from pathlib import Path

from tracking_client.artifact_stores import atomic
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.names import contained, joined
from tracking_client.artifact_stores.root import ArtifactRoot, Moved, unheard
from tracking_client.errors import NotFound
from tracking_client.wire.entities import FileInfo


class DirectoryRoot:
    """A run's artifacts in a directory of this machine or of a shared file system."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def local_path(self, path: str) -> Path:
        """Where the artifact is. Raises ArtifactError where a link leads out of the directory."""
        return contained(self._directory, path)

    def put(self, local_path: Path, path: str, moved: Moved = unheard) -> None:
        """Copies the file as it is now; it appears when it is complete."""
        with (
            FileSlice(local_path, 0, local_path.stat().st_size, moved) as source,
            atomic.new_file(self.local_path(path)) as out,
        ):
            atomic.copy(source, out, unheard)

    def entries(self, path: str) -> list[FileInfo]:
        """One level of the directory."""
        directory = self.local_path(path)
        if not directory.is_dir():
            return []
        with os.scandir(directory) as scan:
            children = sorted(scan, key=lambda child: child.name)
        return [
            FileInfo(
                joined(path, child.name), child.is_dir(), None if child.is_dir() else child.stat().st_size
            )
            for child in children
        ]

    def get(self, path: str, local_path: Path, moved: Moved = unheard) -> None:
        """Copies the file."""
        source = self.local_path(path)
        if not source.is_file():
            raise NotFound(f"No such artifact: '{path}'", status=404, code="RESOURCE_DOES_NOT_EXIST")
        with source.open("rb", buffering=0) as data, atomic.new_file(local_path) as out:
            atomic.copy(data, out, moved)


def _conforms(root: DirectoryRoot) -> ArtifactRoot:
    return root


__all__ = ["DirectoryRoot"]
