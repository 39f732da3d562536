"""Copying the artifacts of a run or model from one store to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tracking_client.artifact_stores.root import ArtifactRoot
from tracking_client.artifact_stores.temporary import scratch_directory
from tracking_client.wire.entities import FileInfo


def copy_files(
    source: ArtifactRoot, target: ArtifactRoot, change: Callable[[str, Path], None] | None = None
) -> None:
    """Copies every file that is not on the target in the same size.

    `change` is called with the path of each file and its copy on this machine, which it may change.
    Raises OSError, ArtifactError, ApiError and TransportError.
    """
    for directory, entries in _directories(source):
        there = {entry.path: entry.file_size for entry in target.entries(directory)} if entries else {}
        for entry in entries:
            if entry.path in there and there[entry.path] == entry.file_size:
                continue
            with scratch_directory("replay-") as folder:
                local = Path(folder, "artifact")
                source.get(entry.path, local)
                if change is not None:
                    change(entry.path, local)
                target.put(local, entry.path)


def _directories(root: ArtifactRoot) -> Iterator[tuple[str, list[FileInfo]]]:
    """Every directory, with the files in it."""
    left = [""]
    while left:
        directory = left.pop()
        entries = root.entries(directory)
        left.extend(entry.path for entry in entries if entry.is_dir)
        yield directory, [entry for entry in entries if not entry.is_dir]


__all__ = ["copy_files"]
