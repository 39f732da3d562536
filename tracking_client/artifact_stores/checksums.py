"""Checksums by which stores describe a file, and those of files here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Checksum:
    """A digest; `kind` is `md5` or `crc32c`."""

    kind: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file as its store describes it.

    `version` differs for every content that the file ever had; `checksum` is None where the store has none.
    """

    size_bytes: int
    version: str
    checksum: Checksum | None = None


def is_same(local_path: Path, stored: StoredFile) -> bool:
    """Whether the file here has the stored content for sure: the same size and checksum."""
    if stored.checksum is None or not local_path.is_file():
        return False
    return (
        local_path.stat().st_size == stored.size_bytes
        and digest(local_path, stored.checksum.kind) == stored.checksum.digest
    )


def digest(path: Path, kind: str, start: int = 0, end: int | None = None) -> bytes:
    """The digest of a file, or of the bytes from `start` to before `end`, in constant memory."""
    hashing = _new(kind)
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        left = None if end is None else end - start
        while chunk := file.read(_CHUNK_BYTES if left is None else min(_CHUNK_BYTES, left)):
            hashing.update(chunk)
            left = None if left is None else left - len(chunk)
    result = hashing.digest()
    assert isinstance(result, bytes)
    return result


def _new(kind: str) -> Any:
    if kind == "crc32c":
        from google_crc32c import Checksum as Crc32c

        return Crc32c()  # type: ignore[no-untyped-call]  # as they ship it
    import hashlib

    if kind == "blake2b":
        return hashlib.blake2b(digest_size=16)
    return hashlib.md5(usedforsecurity=False)


__all__ = ["Checksum", "StoredFile", "digest", "is_same"]
