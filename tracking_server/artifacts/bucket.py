"""What a bucket can do: the few calls of an object store that artifacts are made of, one implementation per
kind of store. All of them run on the event loop of `calls`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tracking_server.artifacts.protocol import FileFacts, Part, Signed
from tracking_server.errors import NotSupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the objects below a prefix: keys with sizes in bytes, and prefixes that stand for directories.

    `next_token` asks for the next page; None where this is the last.
    """

    files: Sequence[tuple[str, int]]
    directories: Sequence[str]
    next_token: str | None


class Body(io.BytesIO):
    """Bytes to be sent, and sent again where that fails: what sends them closes them each time."""

    def close(self) -> None:
        """Begin again."""
        self.seek(0)


class CannotSign(NotSupported):
    """The server's credentials have no key to sign with."""


class Upload(Protocol):
    """A large object on its way in. Nothing of it is visible before `finish`."""

    async def send(self, part: bytes) -> None:
        """The next bytes; as many as `part_bytes` of the bucket says, and never the last of the object."""
        ...

    async def finish(self, last: bytes) -> None:
        """The last bytes, maybe none; then the object is there."""
        ...

    async def cancel(self) -> None:
        """Forget all that was sent."""
        ...


class Bucket(Protocol):
    """One bucket or container."""

    @property
    def reading_is_certain(self) -> bool:
        """See SignedTransfers."""
        ...

    def part_bytes(self, sent: int) -> int:
        """How long the next part should be when `sent` parts were sent."""
        ...

    async def facts(self, key: str) -> FileFacts:
        """Raises NotThere."""
        ...

    async def read(self, key: str, start: int, end: int, facts: FileFacts) -> bytes:
        """The bytes from `start` to before `end`, of that version. Raises NotThere."""
        ...

    async def page(self, prefix: str, token: str | None, *, deep: bool, limit: int) -> Page:
        """At most `limit` of what is below a prefix; `deep` without directories, all the way down."""
        ...

    async def put(self, key: str, body: bytes) -> None:
        """Write a small object whole."""
        ...

    async def begin(self, key: str) -> Upload:
        """Begin a large one."""
        ...

    async def remove(self, keys: Sequence[str]) -> None:
        """Delete objects; what is not there is no error."""
        ...

    async def sign_parts(self, key: str, count: int, lives_s: int) -> tuple[str, list[Signed]]:
        """As SignedTransfers.start. Raises CannotSign."""
        ...

    async def join_parts(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """As SignedTransfers.finish."""
        ...

    async def drop_parts(self, key: str, upload_id: str) -> None:
        """As SignedTransfers.cancel. Raises NotThere."""
        ...

    async def sign_put(self, key: str, media_type: str, lives_s: int) -> Signed:
        """As SignedTransfers.upload. Raises CannotSign."""
        ...

    async def sign_get(self, key: str, name: str, lives_s: int) -> Signed:
        """A request that reads an object, which browsers save as `name`. Raises CannotSign."""
        ...
