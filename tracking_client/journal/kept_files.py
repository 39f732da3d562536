"""The files that a journal keeps until a server has them: copies, since their owners may change them.

    files/NAME            a file that a line of the journal speaks of; removed when it is sent
    files/NAME.part       one that is being copied, or was when the process died

`NAME` is made up here: what a line says of it is checked, so that no line leads anywhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tracking_client.errors import InvalidArgument

_FOLDER = "files"
_PART = ".part"
_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A copy in a journal, and how long it is."""

    name: str
    size_bytes: int


class KeptFiles:
    """The files beside the lines of the journal in the directory `journal`. Safe in threads."""

    def __init__(self, journal: Path) -> None:
        self._folder = journal / _FOLDER

    def keep(self, source: Path) -> KeptFile:
        """Copies a file as it is now; the copy appears when it is whole.

        Raises OSError, and ArtifactError where the file becomes shorter meanwhile.
        """
        from tracking_client.artifact_stores import atomic
        from tracking_client.artifact_stores.file_slice import FileSlice
        from tracking_client.artifact_stores.root import unheard

        self._folder.mkdir(mode=0o700, exist_ok=True)
        name = os.urandom(16).hex()
        part = self._folder / f"{name}{_PART}"
        size_bytes = source.stat().st_size
        try:
            with FileSlice(source, 0, size_bytes) as data, part.open("xb", buffering=0) as copy:
                atomic.copy(data, copy, unheard)
            part.rename(self._folder / name)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return KeptFile(name, size_bytes)

    def path(self, name: str) -> Path:
        """Where a kept file is. Raises InvalidArgument for what is no name of one."""
        if not _NAME.fullmatch(name):
            raise InvalidArgument(f"{name!r:.100} is no file that a journal keeps")
        return self._folder / name

    def has(self, name: str) -> bool:
        """Whether it is still to be sent."""
        return _NAME.fullmatch(name) is not None and self.path(name).exists()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return next(self._all(), None) is not None

    @property
    def size_bytes(self) -> int:
        """How long they are together, those included that are being copied."""
        return sum(size for _, size in self._all())

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(1 for name, _ in self._all() if not name.endswith(_PART))

    def remove(self, name: str) -> None:
        """Removes one; nothing where it is gone."""
        with suppress(OSError, InvalidArgument):
            self.path(name).unlink(missing_ok=True)

    def move(self, name: str, into: Path) -> None:
        """Puts one into another directory of the same file system. Raises OSError."""
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path(name).rename(into / name)

    def _all(self) -> Iterator[tuple[str, int]]:
        try:
            found = os.scandir(self._folder)
        except OSError:  # there never were any
            return
        with found:
            for entry in found:
                with suppress(OSError):  # sent a moment ago
                    yield entry.name, entry.stat().st_size


__all__ = ["KeptFile", "KeptFiles"]
