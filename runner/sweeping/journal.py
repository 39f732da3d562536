"""The file that a sweep is written down in, line by line.

What was written is on disk when the call returns.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import ProvisionError, RequestError
from runner.sweeping.entries import FORMAT, Began, Entry, decode, encode


class Journal:
    """An append-only file. One process writes it, and holds the sweep's lease. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._is_synced = True

    def read(self) -> list[Entry]:
        """All that was written. A last line without its end was never acknowledged, and is cut off.

        Raises RequestError for a file that is no journal of a sweep, or a later version's.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise RequestError(f"{self.path} cannot be read: {error.strerror}") from None
        whole = data[: data.rfind(b"\n") + 1]
        entries: list[Entry] = []
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                entry = decode(line)
            except (ValueError, KeyError, TypeError) as error:
                raise RequestError(
                    f"{self.path}:{number}: not a line of a sweep's journal ({error})"
                ) from None
            if entry is not None:
                entries.append(entry)
        if not entries or not isinstance(entries[0], Began):
            raise RequestError(f"{self.path} does not begin with the sweep")
        if entries[0].format > FORMAT:
            raise RequestError(
                f"{self.path} was written by a later version of runner", hint="upgrade runner and try again"
            )
        return entries

    def append(self, *entries: Entry, sync: bool = True) -> None:
        """Writes them, together, to disk.

        Without `sync`, a crash of the machine may still lose them.

        Raises ProvisionError where that fails; then none of them counts.
        """
        data = b"".join(map(encode, entries))
        try:
            descriptor = self._open()
            end = os.lseek(descriptor, 0, os.SEEK_END)
            try:
                if os.write(descriptor, data) != len(data):
                    raise OSError(28, os.strerror(28))
                if sync:
                    os.fsync(descriptor)
                self._is_synced = sync
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        except OSError as error:
            raise ProvisionError(
                f"the sweep's journal {self.path} cannot be written: {error.strerror}",
                hint="make space there, then `runner sweep resume`",
            ) from error

    def sync(self) -> None:
        """Returns when all that was written is on disk. Raises ProvisionError where that fails."""
        if not self._is_synced:
            self.append()

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        if self._descriptor < 0:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            is_new = not self.path.exists()
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._cut_torn_line(self._descriptor)
            if is_new:
                _sync_folder(self.path.parent)
        return self._descriptor

    @staticmethod
    def _cut_torn_line(descriptor: int) -> None:
        data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        os.ftruncate(descriptor, data.rfind(b"\n") + 1)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
