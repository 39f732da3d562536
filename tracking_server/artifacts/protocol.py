"""What every place for artifacts can do.

Paths are those that `paths.safe_path` returns. All calls block and are made from threads; implementations
are thread-safe. Errors of this machine's disk surface as OSError, those of a store elsewhere as Unavailable,
within a deadline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, TypeVar

import msgspec
from typing_extensions import Self

S = TypeVar("S")

MAX_PARTS = 10_000
"""The most parts of one upload, as S3 has it."""


class ArtifactInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a directory; `path` is relative to the root that was listed. Directories have no size."""

    path: str
    is_dir: bool
    file_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is known of a file. `etag` is quoted as HTTP has it, and another one for every other content."""

    size_bytes: int
    etag: str
    modified_at_s: float


class ArtifactReader(Protocol):
    """An open file, of which `facts` stay true: nobody reads half of one content and half of another."""

    @property
    def facts(self) -> FileFacts:
        """The size, version and age of what is read."""
        ...

    def read(self, size: int, /) -> bytes:
        """The next bytes: `size` of them, fewer only where the file ends."""
        ...

    def seek(self, offset: int, /) -> int:
        """Read from this byte on."""
        ...

    def close(self) -> None:
        """Let go of the file. Harmless when called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ArtifactWriter(Protocol):
    """A file on its way in: visible, whole, after `commit`; never before, and never after `abort`."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        ...

    def commit(self) -> None:
        """Make the file durable and visible at its path, in place of an older one."""
        ...

    def abort(self) -> None:
        """Forget what was written. Harmless after `commit` and when called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request that a client may make of the store itself, for a while. `size_bytes` of what it reads."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that was uploaded, as the client tells it: its number from 1, and the store's tag for it."""

    number: int
    etag: str


class SignedTransfers(Protocol):
    """A store that clients may write to and read from themselves, with what the server signs for them.

    Every call raises NotSupported where the server's credentials cannot sign.
    """

    @property
    def reading_is_certain(self) -> bool:
        """Whether `download` works for sure, so that clients may be told to ask for it."""
        ...

    def start(self, path: str, count: int) -> tuple[str, Sequence[Signed]]:
        """Begin an upload of `count` parts: its id, and where each part is to be put."""
        ...

    def finish(self, path: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Make the file of its parts. Raises InvalidParameter where they are not what was uploaded."""
        ...

    def cancel(self, path: str, upload_id: str) -> None:
        """Forget an upload. Harmless when it is gone."""
        ...

    def upload(self, path: str, media_type: str, lives_s: int) -> Signed:
        """A request that writes a whole file."""
        ...

    def download(self, path: str, lives_s: int) -> Signed:
        """A request that reads a file, whole or in ranges. Raises NotFound."""
        ...


class ArtifactStore(Protocol):
    """A tree of files."""

    def open_reader(self, path: str) -> tuple[ArtifactReader, int]:
        """The file's bytes and its size. Raises NotFound where there is no such file."""
        ...

    def open_writer(self, path: str) -> ArtifactWriter:
        """A new file for `path`. Raises InvalidParameter where the path cannot be a file."""
        ...

    def remove(self, path: str) -> None:
        """Delete a file, or a directory with all in it. What is not there is no error."""
        ...

    def entries(self, path: str, since: str = "") -> Iterator[ArtifactInfo]:
        """What a directory holds, sorted by name, from the name `since` on.

        Nothing where there is no such directory.
        """
        ...
