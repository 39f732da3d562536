"""A part of a file as the body of a request."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tracking_client.artifact_stores.root import Moved, unheard
from tracking_client.errors import ArtifactError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class FileSlice(io.RawIOBase):
    """The bytes of a file from `start` to before `end`. Used by one thread.

    A log that grows must not overrun the length that was announced. Raises ArtifactError where the file
    became shorter meanwhile. `moved` hears of what is read; also, negatively, of going back.
    """

    def __init__(self, path: Path, start: int, end: int, moved: Moved = unheard) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._path = path
        self._start, self._size = start, end - start
        self._at = 0
        self._moved = moved
        self._file.seek(start)

    def __len__(self) -> int:
        """How many bytes there are in all."""
        return self._size

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where reading goes on, from the slice's beginning."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Goes to a byte of the slice."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        at = min(max(base + offset, 0), self._size)
        if at != self._at:
            self._moved(at - self._at)
        self._at = at
        self._file.seek(self._start + at)
        return at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Reads into `buffer`."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._at)
        got = self._file.readinto(view[:wanted]) if wanted else 0
        if wanted and not got:
            raise ArtifactError(f"{self._path} became shorter while it was uploaded", uri=str(self._path))
        self._at += got or 0
        self._moved(got or 0)
        return got or 0

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()
        super().close()


__all__ = ["FileSlice"]
