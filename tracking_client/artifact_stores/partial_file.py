"""A large download that is not whole yet, and goes on where it was when its process ended.

Beside the target lie `.NAME.part`, as long as the file will be, and `.NAME.part.done`: a line of JSON that
says which version of which size it is, and a line with number and CRC-32 for each part that is there. A line
that was cut, or a part whose bytes do not agree with it, counts as missing.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path

from tracking_client.artifact_stores import checksums
from tracking_client.artifact_stores.checksums import StoredFile
from tracking_client.artifact_stores.parts import Part
from tracking_client.errors import ArtifactError

_CHUNK_BYTES = 1 << 20


class PartialFile:
    """The parts of `target` that came. Safe in threads.

    One process at a time has it: where another fetches the same file to the same place, this one begins a
    partial file of its own, which nobody goes on with.
    """

    def __init__(self, target: Path, stored: StoredFile, parts: Sequence[Part]) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self._target = target
        self._stored = stored
        self._parts = parts
        self._lock = threading.Lock()
        self._data_path = target.with_name(f".{target.name[:100]}.part")
        notes = _locked(_notes_path(self._data_path))
        if notes is None:
            name = f".{target.name[:100]}.{os.getpid()}.{os.urandom(4).hex()}.part"
            self._data_path = target.with_name(name)
            notes = _locked(_notes_path(self._data_path))
            assert notes is not None
        self._notes = notes
        self._data = os.open(self._data_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        self._done = self._found()
        if not self._done:
            self._begin()

    @property
    def missing(self) -> list[Part]:
        """The parts that are still to come."""
        return [part for part in self._parts if part.number not in self._done]

    @property
    def done_bytes(self) -> int:
        """How much is there."""
        return sum(part.size_bytes for part in self._parts if part.number in self._done)

    def write_at(self, offset: int, chunk: bytes) -> None:
        """Puts bytes to their place."""
        view = memoryview(chunk)
        while view:
            written = os.pwrite(self._data, view, offset)
            view, offset = view[written:], offset + written

    def note(self, part: Part, crc: int) -> None:
        """Remembers that a part is whole."""
        with self._lock:
            os.write(self._notes, f"{part.number} {crc:08x}\n".encode())
            self._done.add(part.number)

    def finish(self) -> None:
        """Gives the file its name. Raises ArtifactError where its checksum is not the store's."""
        expected = self._stored.checksum
        if expected is not None and checksums.digest(self._data_path, expected.kind) != expected.digest:
            self.discard()
            raise ArtifactError(
                f"{self._target} did not arrive as it is stored: its {expected.kind} differs. Fetch it again",
                uri=str(self._target),
            )
        os.replace(self._data_path, self._target)
        _notes_path(self._data_path).unlink(missing_ok=True)

    def discard(self) -> None:
        """Forgets all of it."""
        self._data_path.unlink(missing_ok=True)
        _notes_path(self._data_path).unlink(missing_ok=True)

    def close(self) -> None:
        """Lets others go on with it, where it was not finished."""
        os.close(self._data)
        os.close(self._notes)

    @property
    def _header(self) -> dict[str, object]:
        return {
            "version": self._stored.version,
            "size": self._stored.size_bytes,
            "part": self._parts[0].size_bytes,
        }

    def _begin(self) -> None:
        os.ftruncate(self._notes, 0)
        os.ftruncate(self._data, 0)
        os.ftruncate(self._data, self._stored.size_bytes)
        os.write(self._notes, json.dumps(self._header).encode() + b"\n")

    def _found(self) -> set[int]:
        """The numbers of the parts that an earlier process left whole."""
        lines = os.pread(self._notes, _CHUNK_BYTES, 0).decode("utf-8", "replace").splitlines(keepends=True)
        if not lines or _parsed(lines[0]) != self._header:
            return set()
        found = set()
        by_number = {part.number: part for part in self._parts}
        for line in lines[1:]:
            number, _, crc = line.partition(" ")
            part = by_number.get(int(number)) if number.isdecimal() else None
            if part is not None and line.endswith("\n") and crc.strip() == f"{self._crc(part):08x}":
                found.add(part.number)
        return found

    def _crc(self, part: Part) -> int:
        crc, at = 0, part.start
        while at < part.end:
            chunk = os.pread(self._data, min(_CHUNK_BYTES, part.end - at), at)
            if not chunk:
                return -1
            crc, at = zlib.crc32(chunk, crc), at + len(chunk)
        return crc


def _notes_path(data_path: Path) -> Path:
    return data_path.with_name(f"{data_path.name}.done")


def _locked(path: Path) -> int | None:
    """The opened file, which nobody else has; None where somebody has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        # Whoever had it before may have finished and removed it since it was opened here.
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
        os.close(descriptor)


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


__all__ = ["PartialFile"]
