"""Downloads in ranges: large files in parallel, and what breaks off goes on where it was."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from tracking_client.artifact_stores import atomic, checksums, parts
from tracking_client.artifact_stores.checksums import StoredFile
from tracking_client.artifact_stores.partial_file import PartialFile
from tracking_client.artifact_stores.parts import Part
from tracking_client.artifact_stores.root import Moved
from tracking_client.artifact_stores.threads import run_all
from tracking_client.errors import ArtifactError

_BREAKS_IN_VAIN = 5
_FIRST_PAUSE_S = 0.05

Take = Callable[[bytes], None]


class BrokenOff(Exception):
    """The connection ended in the middle."""


class Changed(Exception):
    """The file is not the version any more that was begun with."""


class Source(Protocol):
    """One version of one file of a store. Safe in threads."""

    @property
    def stored(self) -> StoredFile:
        """Its size, version and checksum."""

    def stream(self, start: int, end: int, take: Take) -> None:
        """Hands the bytes from `start` to before `end` to `take` in order, or some of them from the first on.

        Raises BrokenOff, Changed, and what the store's root raises.
        """


def fetch(source: Source, target: Path, moved: Moved, *, what: str) -> None:
    """Fetches the file `what`; `target` appears when it is whole.

    Raises Changed, ArtifactError where the connection breaks again and again or the checksum is wrong, and
    what the source raises; what came of a large file then stays for the next time.
    """
    pieces = parts.of_download(source.stored.size_bytes)
    if len(pieces) == 1:
        _fetch_small(source, pieces[0], target, moved, what)
        return
    came = PartialFile(target, source.stored, pieces)
    try:
        moved(came.done_bytes)
        run_all([partial(_fetch_part, source, came, part, moved, what) for part in came.missing])
        came.finish()
    except Changed:
        moved(-came.done_bytes)
        came.discard()
        raise
    finally:
        came.close()


def _fetch_small(source: Source, whole: Part, target: Path, moved: Moved, what: str) -> None:
    with atomic.new_file(target) as out:
        _fetch_range(source, whole, lambda _, chunk: atomic.write_all(out, chunk), moved, what)
        # Compared as it lies on the disk, before it has its name.
        expected = source.stored.checksum
        if expected is not None and checksums.digest(Path(out.name), expected.kind) != expected.digest:
            raise ArtifactError(
                f"{what} did not arrive as it is stored: its {expected.kind} differs. Fetch it again",
                uri=what,
            )


def _fetch_part(source: Source, came: PartialFile, part: Part, moved: Moved, what: str) -> None:
    came.note(part, _fetch_range(source, part, came.write_at, moved, what))


def _fetch_range(
    source: Source, part: Part, write_at: Callable[[int, bytes], None], moved: Moved, what: str
) -> int:
    """Fetches a range, however often the connection breaks as long as something comes. Its CRC-32."""
    at, crc, in_vain = part.start, 0, 0

    def take(chunk: bytes) -> None:
        nonlocal at, crc
        if at + len(chunk) > part.end:
            raise ArtifactError(f"more of {what} was sent than was asked for", uri=what)
        write_at(at, chunk)
        crc = zlib.crc32(chunk, crc)
        at += len(chunk)
        moved(len(chunk))

    while at < part.end:
        before = at
        try:
            source.stream(at, part.end, take)
        except BrokenOff:
            pass
        in_vain = in_vain + 1 if at == before else 0
        if in_vain >= _BREAKS_IN_VAIN:
            raise ArtifactError(f"the download of {what} broke off {in_vain} times in a row", uri=what)
        if in_vain:
            time.sleep(_FIRST_PAUSE_S * 2**in_vain)
    return crc


__all__ = ["BrokenOff", "Changed", "Source", "Take", "fetch"]
