"""Artifacts in a bucket of an object store, whichever kind it is.

A key is the root's prefix and the artifact's path. A small file is written by one request, a large one in
parts of which the store shows nothing before the last: a file is seen whole or not at all. A file is read in
ranges, each of the version that was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from tracking_server.artifacts.bucket import Bucket, CannotSign
from tracking_server.artifacts.calls import FINISH_PATIENCE, Calls, NotThere
from tracking_server.artifacts.object_files import ObjectReader, ObjectWriter
from tracking_server.artifacts.protocol import (
    ArtifactInfo,
    ArtifactReader,
    ArtifactStore,
    ArtifactWriter,
    Part,
    Signed,
    SignedTransfers,
)
from tracking_server.errors import InvalidParameter, NotFound, NotSupported, Unavailable

T = TypeVar("T")

PAGE_OBJECTS = 1000
"""How many objects are listed at once, as many as S3 allows."""

PART_URLS_LIVE_S = 3600
"""How long the parts of an upload may be put."""


class ObjectStore:
    """A prefix of a bucket as an artifact store. Thread-safe. The library is loaded by the first call."""

    def __init__(self, prefix: str, calls: Calls, connect: Callable[[], Bucket]) -> None:
        self._prefix = prefix
        self._calls = calls
        self._connect = connect
        self._bucket: Bucket | None = None

    @property
    def bucket(self) -> Bucket:
        """The bucket, connected to at first use. Raises Unavailable where its settings do not suffice."""
        if self._bucket is None:
            # Two threads may both connect; either bucket serves.
            self._bucket = self._calls.run(self._connected())
        return self._bucket

    async def _connected(self) -> Bucket:
        return await asyncio.to_thread(self._connect)

    def open_reader(self, path: str) -> tuple[ArtifactReader, int]:
        """See `ArtifactStore.open_reader`."""
        key = self._key(path)
        try:
            facts = self._calls.run(self.bucket.facts(key))
        except NotThere:
            raise NotFound(f"No such artifact: '{path}'") from None
        return ObjectReader(self._calls, self.bucket, key, facts), facts.size_bytes

    def open_writer(self, path: str) -> ArtifactWriter:
        """See `ArtifactStore.open_writer`."""
        if not path:
            raise InvalidParameter("The root of all artifacts cannot be written as a file")
        return ObjectWriter(self._calls, self.bucket, self._key(path))

    def remove(self, path: str) -> None:
        """See `ArtifactStore.remove`."""
        if not path:
            raise InvalidParameter("The root of all artifacts cannot be deleted")
        key = self._key(path)
        token: str | None = None
        while True:
            try:
                page = self._calls.run(self.bucket.page(f"{key}/", token, deep=True, limit=PAGE_OBJECTS))
                # Deepest first: some stores have objects that stand for directories.
                below = sorted((name for name, _ in page.files), key=lambda name: -name.count("/"))
                self._calls.run(self.bucket.remove(below), patience=FINISH_PATIENCE)
            except NotThere:
                return
            token = page.next_token
            if token is None:
                break
        self._calls.run(self.bucket.remove([key]))

    def entries(self, path: str, since: str = "") -> Iterator[ArtifactInfo]:
        """See `ArtifactStore.entries`."""
        key = self._key(path)
        prefix = f"{key}/" if key else ""
        root = len(self._prefix) + 1 if self._prefix else 0
        found: list[ArtifactInfo] = []
        token: str | None = None
        while True:
            try:
                page = self._calls.run(self.bucket.page(prefix, token, deep=False, limit=PAGE_OBJECTS))
            except NotThere:
                return iter(())
            found += [
                ArtifactInfo(path=name[root:], is_dir=False, file_size=size_bytes)
                for name, size_bytes in page.files
                if _is_name(name[len(prefix) :]) and name[len(prefix) :] >= since
            ]
            found += [
                ArtifactInfo(path=name[root:-1], is_dir=True)
                for name in page.directories
                if _is_name(name[len(prefix) : -1]) and name[len(prefix) : -1] >= since
            ]
            token = page.next_token
            if token is None:
                return iter(sorted(found, key=lambda entry: entry.path))

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self._prefix, path) if part)

    @property
    def reading_is_certain(self) -> bool:
        """See `SignedTransfers.reading_is_certain`."""
        return self.bucket.reading_is_certain

    def start(self, path: str, count: int) -> tuple[str, Sequence[Signed]]:
        """See `SignedTransfers.start`."""
        if not path:
            raise InvalidParameter("The root of all artifacts cannot be written as a file")
        return self._signed(
            "Multipart upload", self.bucket.sign_parts(self._key(path), count, PART_URLS_LIVE_S)
        )

    def finish(self, path: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `SignedTransfers.finish`."""
        try:
            self._calls.run(
                self.bucket.join_parts(self._key(path), upload_id, parts), patience=FINISH_PATIENCE
            )
        except NotThere:
            raise NotFound(f"There is no upload '{upload_id[:100]}' of '{path}'") from None

    def cancel(self, path: str, upload_id: str) -> None:
        """See `SignedTransfers.cancel`."""
        try:
            self._calls.run(self.bucket.drop_parts(self._key(path), upload_id))
        except NotThere:
            pass

    def upload(self, path: str, media_type: str, lives_s: int) -> Signed:
        """See `SignedTransfers.upload`."""
        return self._signed("Presigned upload", self.bucket.sign_put(self._key(path), media_type, lives_s))

    def download(self, path: str, lives_s: int) -> Signed:
        """See `SignedTransfers.download`."""
        reader, size_bytes = self.open_reader(path)
        reader.close()
        signed = self._signed(
            "Presigned download", self.bucket.sign_get(self._key(path), path.rpartition("/")[2], lives_s)
        )
        return Signed(url=signed.url, headers=signed.headers, size_bytes=size_bytes)

    def _signed(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._calls.run(work)
        except CannotSign:
            # Clients know the sentence by its beginning, and go without.
            raise NotSupported(
                f"{what} is not supported for the current artifact repository: the server's credentials for "
                f"{self._calls.where} cannot sign."
            ) from None
        except NotThere:
            raise Unavailable(f"The artifact store {self._calls.where} does not exist.") from None


def _is_name(name: str) -> bool:
    """Whether an object's name is one that could be asked for; others are not ours."""
    return name not in ("", ".", "..") and "/" not in name


def _conforms(store: ObjectStore) -> tuple[ArtifactStore, SignedTransfers]:
    return store, store
