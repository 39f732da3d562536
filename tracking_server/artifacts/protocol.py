"""What every place for artifacts can do.

Paths are those that `paths.safe_path` returns. All calls block and are made from threads; implementations
are thread-safe. Errors of the disk or the network surface as OSError.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

import msgspec


class ArtifactInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a directory; `path` is relative to the root that was listed. Directories have no size."""

    path: str
    is_dir: bool
    file_size: int | None = None


class ArtifactWriter(Protocol):
    """A file on its way in: visible, whole, after `commit`; never before, and never after `abort`."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        ...

    def commit(self) -> None:
        """Make the file durable and visible at its path, in place of an older one."""
        ...

    def abort(self) -> None:
        """Forget what was written. Harmless after `commit` and when called twice."""
        ...


class ArtifactStore(Protocol):
    """A tree of files."""

    def open_reader(self, path: str) -> tuple[BinaryIO, int]:
        """The file's bytes and its size. Raises NotFound where there is no such file."""
        ...

    def open_writer(self, path: str) -> ArtifactWriter:
        """A new file for `path`. Raises InvalidParameter where the path cannot be a file."""
        ...

    def remove(self, path: str) -> None:
        """Delete a file, or a directory with all in it. What is not there is no error."""
        ...

    def entries(self, path: str) -> Iterator[ArtifactInfo]:
        """What a directory holds, sorted by name; nothing where there is no such directory."""
        ...
