"""Files of an object store, being read and being written, in constant memory."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from tracking_server.artifacts.bucket import Bucket, Upload
from tracking_server.artifacts.calls import FINISH_PATIENCE, Calls, NotThere
from tracking_server.artifacts.protocol import ArtifactReader, ArtifactWriter, FileFacts
from tracking_server.errors import ServerError, Unavailable

R = TypeVar("R", bound="ObjectReader")

READ_BYTES = 4 * 1024 * 1024
"""How much of a file is fetched at once."""


class ObjectReader:
    """An object, read in ranges of the version that `facts` describe. Used by one thread at a time."""

    def __init__(self, calls: Calls, bucket: Bucket, key: str, facts: FileFacts) -> None:
        self._calls = calls
        self._bucket = bucket
        self._key = key
        self._facts = facts
        self._fetched = b""
        self._fetched_from = 0
        self._at = 0

    @property
    def facts(self) -> FileFacts:
        """See `ArtifactReader.facts`."""
        return self._facts

    def seek(self, offset: int, /) -> int:
        """See `ArtifactReader.seek`."""
        self._at = offset
        return offset

    def read(self, size: int, /) -> bytes:
        """See `ArtifactReader.read`."""
        end = min(self._at + size, self._facts.size_bytes)
        pieces: list[bytes] = []
        while self._at < end:
            start = self._at - self._fetched_from
            piece = self._fetched[start : start + end - self._at] if start >= 0 else b""
            if piece:
                pieces.append(piece)
                self._at += len(piece)
            else:
                self._fetch()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _fetch(self) -> None:
        end = min(self._at + READ_BYTES, self._facts.size_bytes)
        self._fetched = b""
        try:
            fetched = self._calls.run(self._bucket.read(self._key, self._at, end, self._facts))
        except NotThere:
            fetched = b""
        if len(fetched) != end - self._at:
            raise Unavailable(f"An artifact in {self._calls.where} was changed while it was being read.")
        self._fetched, self._fetched_from = fetched, self._at

    def close(self) -> None:
        """See `ArtifactReader.close`."""
        self._fetched = b""

    def __enter__(self: R) -> R:  # noqa: PYI019  # Self came with Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ObjectWriter:
    """An object on its way in, in one request or in parts. Used by one thread at a time."""

    def __init__(self, calls: Calls, bucket: Bucket, key: str) -> None:
        self._calls = calls
        self._bucket = bucket
        self._key = key
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._sent = 0
        self._upload: Upload | None = None
        self._committed = False

    def write(self, chunk: bytes) -> None:
        """See `ArtifactWriter.write`. Raises Unavailable."""
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        # What waits is never sent to the last byte: the last part is told to be the last.
        while self._waiting_bytes > self._bucket.part_bytes(self._sent):
            self._send(self._bucket.part_bytes(self._sent))

    def _send(self, size: int) -> None:
        joined = memoryview(self._taken())
        part, rest = bytes(joined[:size]), bytes(joined[size:])
        del joined
        self._waiting, self._waiting_bytes = [rest], len(rest)
        try:
            if self._upload is None:
                self._upload = self._calls.run(self._bucket.begin(self._key))
            self._calls.run(self._upload.send(part))
        except NotThere:
            raise self._nowhere() from None
        self._sent += 1

    def _taken(self) -> bytes:
        joined = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        return joined

    def commit(self) -> None:
        """See `ArtifactWriter.commit`. Raises Unavailable."""
        last = self._taken()
        try:
            if self._upload is None:
                self._calls.run(self._bucket.put(self._key, last))
            else:
                self._calls.run(self._upload.finish(last), patience=FINISH_PATIENCE)
        except NotThere:
            raise self._nowhere() from None
        self._committed = True

    def _nowhere(self) -> Unavailable:
        return Unavailable(f"The artifact store {self._calls.where} does not exist.")

    def abort(self) -> None:
        """See `ArtifactWriter.abort`. What the store does not let go of now it keeps unseen."""
        self._waiting, self._waiting_bytes = [], 0
        upload, self._upload = self._upload, None
        if upload is not None and not self._committed:
            try:
                self._calls.run(upload.cancel())
            except (ServerError, NotThere):
                pass


def _conforms(reader: ObjectReader, writer: ObjectWriter) -> tuple[ArtifactReader, ArtifactWriter]:
    return reader, writer
