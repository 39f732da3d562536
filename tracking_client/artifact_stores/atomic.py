"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tracking_client.artifact_stores.root import Moved

if TYPE_CHECKING:
    from _typeshed import SupportsRead

CHUNK_BYTES = 1 << 20


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[IO[bytes]]:
    """A file to write, which becomes `target` at the end of the block, and nothing where that fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    incomplete = target.with_name(f".{target.name[:100]}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        with incomplete.open("xb", buffering=0) as out:
            yield out
        incomplete.replace(target)
    except BaseException:
        incomplete.unlink(missing_ok=True)
        raise


def copy(source: SupportsRead[bytes], out: IO[bytes], moved: Moved) -> int:
    """Copies to the end of `source`; how many bytes that were."""
    copied = 0
    while chunk := source.read(CHUNK_BYTES):
        write_all(out, chunk)
        copied += len(chunk)
        moved(len(chunk))
    return copied


def write_all(out: IO[bytes], chunk: bytes) -> None:
    """Writes the whole chunk to a file without a buffer."""
    view = memoryview(chunk)
    while view:
        view = view[out.write(view) :]


__all__ = ["CHUNK_BYTES", "copy", "new_file", "write_all"]
