"""Large files in parts, so that what breaks off is not sent or fetched again from the beginning.

The variables are MLflow's; without them parts begin where they pay, at files much smaller than MLflow's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tracking_client.errors import InvalidArgument

UPLOAD_FROM = "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"
UPLOAD_PART = "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"
DOWNLOAD_FROM = "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE"
DOWNLOAD_PART = "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE"

MAX_PARTS = 10_000
"""As many as S3, and servers, take."""

_MIB = 1 << 20
_SMALLEST_UPLOAD_PART = 5 * _MIB  # S3's
_SMALLEST_DOWNLOAD_PART = 64 << 10


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` to before `end` of a file; `number` counts from 1."""

    number: int
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many bytes that are."""
        return self.end - self.start


def of_upload(size_bytes: int, environ: Mapping[str, str] = os.environ) -> list[Part]:
    """The parts in which a file goes: one where it is small. Raises InvalidArgument for a variable."""
    smallest = _bytes(environ, UPLOAD_FROM, 64 * _MIB)
    part_bytes = max(_bytes(environ, UPLOAD_PART, 16 * _MIB), _SMALLEST_UPLOAD_PART)
    return split(size_bytes, part_bytes if size_bytes >= smallest else size_bytes)


def of_download(size_bytes: int, environ: Mapping[str, str] = os.environ) -> list[Part]:
    """The parts in which a file comes: one where it is small. Raises InvalidArgument for a variable."""
    smallest = _bytes(environ, DOWNLOAD_FROM, 32 * _MIB)
    return split(size_bytes, first_range(environ) if size_bytes >= smallest else size_bytes)


def first_range(environ: Mapping[str, str] = os.environ) -> int:
    """How much of a file is asked for before its size is known."""
    return max(_bytes(environ, DOWNLOAD_PART, 8 * _MIB), _SMALLEST_DOWNLOAD_PART)


def split(size_bytes: int, part_bytes: int) -> list[Part]:
    """Parts of `part_bytes`, larger ones where they would be too many. At least one, maybe empty."""
    part_bytes = max(part_bytes, -(-size_bytes // MAX_PARTS), 1)
    starts = range(0, max(size_bytes, 1), part_bytes)
    return [
        Part(number, start, min(start + part_bytes, size_bytes))
        for number, start in enumerate(starts, start=1)
    ]


def _bytes(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise InvalidArgument(f"{name} is {text!r}: not a number of bytes")
    return int(text)


__all__ = ["Part", "first_range", "of_download", "of_upload", "split"]
