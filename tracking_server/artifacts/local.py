"""Artifacts in a directory of this machine.

Every path is resolved, symbolic links included, and must end up inside the root. A file is written beside
the tree, synced, and moved into place, so that it is seen whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from tracking_server.artifacts.local_uploads import UPLOADS, GrowingFile
from tracking_server.artifacts.protocol import (
    ArtifactInfo,
    ArtifactReader,
    ArtifactStore,
    ArtifactWriter,
    FileFacts,
)
from tracking_server.errors import InvalidParameter, NotFound


class LocalReader(io.FileIO):
    """An open file. `facts` are of when it was opened; the server replaces files, and never changes one."""

    def __init__(self, descriptor: int, status: os.stat_result) -> None:
        super().__init__(descriptor, "rb")
        self.facts = FileFacts(
            size_bytes=status.st_size,
            etag=f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"',
            modified_at_s=status.st_mtime,
        )


class LocalArtifacts:
    """A directory as an artifact store. Thread-safe; the directory is made when the first file comes."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    @property
    def uploads(self) -> Path:
        """Where files grow before they are whole."""
        return self._root / UPLOADS

    @property
    def root(self) -> Path:
        """The directory."""
        return self._root

    def open_reader(self, path: str) -> tuple[LocalReader, int]:
        """See `ArtifactStore.open_reader`."""
        try:
            # O_NONBLOCK: a fifo that somebody put there must not hold a thread for ever.
            descriptor = os.open(self._inside(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"No such artifact: '{path}'") from None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise NotFound(f"No such artifact: '{path}'")
        return LocalReader(descriptor, status), status.st_size

    def open_writer(self, path: str) -> GrowingFile:
        """See `ArtifactStore.open_writer`."""
        target = self.target(path)
        self.uploads.mkdir(parents=True, exist_ok=True)
        return GrowingFile(self.uploads, target)

    def target(self, path: str) -> Path:
        """Where a file would be written. Raises InvalidParameter where the path cannot be a file."""
        target = self._inside(path)
        if not path or target.is_dir():
            raise InvalidParameter(f"'{path}' is a directory and cannot be written as a file")
        return target

    def remove(self, path: str) -> None:
        """See `ArtifactStore.remove`. A link goes itself, and not what it leads to."""
        if not path:
            raise InvalidParameter("The root of all artifacts cannot be deleted")
        directory, _, name = path.rpartition("/")
        self._inside(path)
        target = self._inside(directory) / name
        if target.is_dir() and not target.is_symlink():
            self._remove_directory(target)
        else:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                target.unlink()

    def _remove_directory(self, target: Path) -> None:
        """Out of sight in one step, however many do so at once; what is left then, the sweeper takes."""
        self.uploads.mkdir(parents=True, exist_ok=True)
        out_of_sight = self.uploads / f"removed-{secrets.token_hex(16)}"
        try:
            target.rename(out_of_sight)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EBUSY):  # another disk is mounted there
                raise
            out_of_sight = target
        shutil.rmtree(out_of_sight, ignore_errors=out_of_sight != target)

    def entries(self, path: str, since: str = "") -> Iterator[ArtifactInfo]:
        """See `ArtifactStore.entries`."""
        directory = self._inside(path)
        try:
            with os.scandir(directory) as found:
                # Asking the disk about each takes longest: those before are left out first.
                wanted = [entry for entry in found if entry.name >= since]
            listed = sorted(wanted, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in listed:
            if not path and entry.name == UPLOADS:
                continue
            info = self._entry(entry, f"{path}/{entry.name}" if path else entry.name)
            if info is not None:
                yield info

    def _entry(self, entry: os.DirEntry[str], path: str) -> ArtifactInfo | None:
        """The entry as it is sent; None for links out of the tree and for what is no file or directory."""
        try:
            if entry.is_symlink():
                self._inside(path)
            if entry.is_dir():
                return ArtifactInfo(path=path, is_dir=True)
            if entry.is_file():
                return ArtifactInfo(path=path, is_dir=False, file_size=entry.stat().st_size)
        except (OSError, InvalidParameter):  # gone meanwhile, or not ours to show
            return None
        return None

    def _inside(self, path: str) -> Path:
        if path.split("/", 1)[0].casefold() == UPLOADS:
            raise InvalidParameter(f"Invalid path: {path!r}")
        root = self._root.resolve()
        target = (root / path).resolve()
        if target != root and root not in target.parents:
            raise InvalidParameter(f"Invalid path: {path!r}")
        if path and (target == root or target.is_relative_to(root / UPLOADS)):  # through a link
            raise InvalidParameter(f"Invalid path: {path!r}")
        return target


def _conforms(
    store: LocalArtifacts, reader: LocalReader, writer: GrowingFile
) -> tuple[ArtifactStore, ArtifactReader, ArtifactWriter]:
    return store, reader, writer
