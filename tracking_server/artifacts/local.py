"""Artifacts in a directory of this machine.

Every path is resolved, symbolic links included, and must end up inside the root. A file is written beside
the tree, synced, and moved into place, so that it is seen whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tracking_server.artifacts.protocol import ArtifactInfo, ArtifactStore, ArtifactWriter
from tracking_server.errors import InvalidParameter, NotFound

UPLOADS = ".uploads"
"""Where files grow before they are whole, at the root of the tree: the same file system, never listed."""


class LocalArtifacts:
    """A directory as an artifact store. Thread-safe; the directory is made when the first file comes."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def open_reader(self, path: str) -> tuple[BinaryIO, int]:
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
        return os.fdopen(descriptor, "rb", buffering=0), status.st_size

    def open_writer(self, path: str) -> ArtifactWriter:
        """See `ArtifactStore.open_writer`."""
        target = self._inside(path)
        if not path or target.is_dir():
            raise InvalidParameter(f"'{path}' is a directory and cannot be written as a file")
        uploads = self._root / UPLOADS
        uploads.mkdir(parents=True, exist_ok=True)
        return _LocalWriter(uploads, target)

    def remove(self, path: str) -> None:
        """See `ArtifactStore.remove`."""
        if not path:
            raise InvalidParameter("The root of all artifacts cannot be deleted")
        target = self._inside(path)
        if target.is_dir():
            shutil.rmtree(target)
        else:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                target.unlink()

    def entries(self, path: str) -> Iterator[ArtifactInfo]:
        """See `ArtifactStore.entries`."""
        directory = self._inside(path)
        try:
            with os.scandir(directory) as found:
                listed = sorted(found, key=lambda entry: entry.name)
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
        if path.split("/", 1)[0] == UPLOADS:
            raise InvalidParameter(f"Invalid path: {path!r}")
        root = self._root.resolve()
        target = (root / path).resolve()
        if target != root and root not in target.parents:
            raise InvalidParameter(f"Invalid path: {path!r}")
        return target


class _LocalWriter:
    """A file that grows under UPLOADS. Used by one thread at a time."""

    def __init__(self, uploads: Path, target: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=uploads)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._growing = Path(name)
        self._target = target

    def write(self, chunk: bytes) -> None:
        """See `ArtifactWriter.write`."""
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def commit(self) -> None:
        """See `ArtifactWriter.commit`."""
        os.fchmod(self._file.fileno(), 0o644)
        os.fsync(self._file.fileno())
        self._file.close()
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._growing.replace(self._target)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            raise InvalidParameter(
                f"'{self._target.name}' cannot be a file here: its name is taken"
            ) from None
        _sync_directory(self._target.parent)

    def abort(self) -> None:
        """See `ArtifactWriter.abort`."""
        self._file.close()
        with contextlib.suppress(FileNotFoundError):
            self._growing.unlink()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _conforms(store: LocalArtifacts) -> ArtifactStore:
    return store
