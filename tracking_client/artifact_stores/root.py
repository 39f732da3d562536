"""What a place for artifacts can do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tracking_client.wire.entities import FileInfo

Moved = Callable[[int], None]
"""Told of bytes that went or came; of a negative number where they have to go or come again."""


def unheard(_size_bytes: int) -> None:
    """A `Moved` where nobody wants to know."""


class Retractable:
    """Passes on what moved, and takes it back where it moves again. Safe in threads."""

    def __init__(self, moved: Moved) -> None:
        self._moved = moved
        self._lock = threading.Lock()
        self._told_bytes = 0

    def __call__(self, size_bytes: int) -> None:
        """See `Moved`."""
        with self._lock:
            self._told_bytes += size_bytes
        self._moved(size_bytes)

    def begin_again(self) -> None:
        """Nothing of it counts any more."""
        with self._lock:
            told_bytes, self._told_bytes = self._told_bytes, 0
        if told_bytes:
            self._moved(-told_bytes)


class ArtifactRoot(Protocol):
    """Where the artifacts of one run are. Paths are relative and normalised. Safe in threads."""

    def put(self, local_path: Path, path: str, moved: Moved = unheard) -> None:
        """Stores a file. Raises OSError, ArtifactError, ApiError or TransportError."""

    def entries(self, path: str) -> list[FileInfo]:
        """What a directory holds, sorted by path; nothing for a file or where nothing is."""

    def get(self, path: str, local_path: Path, moved: Moved = unheard) -> None:
        """Fetches a file; `local_path` appears when it is complete. Raises NotFound and as `put`."""


__all__ = ["ArtifactRoot", "Moved", "Retractable", "unheard"]
