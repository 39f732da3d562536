"""Uploads in parts to a directory of this machine.

An upload is a directory under UPLOADS, named by an id that only its client knows; its parts are files in it,
each named by its number and a tag of its content. Finishing joins them to a file that takes its place in one
step, and leaves a mark, so that a client that asks again hears that it is done.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.local_uploads import LOCK, PARTS_SUFFIX, GrowingFile
from tracking_server.artifacts.protocol import MAX_PARTS, Part
from tracking_server.errors import InvalidParameter, NotFound, Unavailable

_ID = re.compile(r"[0-9a-f]{32}")
_ETAG = re.compile(r"[0-9a-f]{32}")
_PLAN = "plan"
_DONE = "done"
_COPIED_AT_ONCE = 4 * 1024 * 1024


class _Plan(msgspec.Struct, frozen=True):
    """What an upload is to become."""

    path: str
    count: int


class LocalMultipart:
    """The uploads in parts of one store. Thread-safe, also between processes."""

    def __init__(self, store: LocalArtifacts) -> None:
        self._store = store

    def start(self, path: str, count: int) -> str:
        """The id of a new upload of `count` parts. Raises InvalidParameter, OSError."""
        self._store.target(path)
        upload_id = secrets.token_hex(16)
        directory = self._directory(upload_id)
        directory.mkdir(parents=True)
        (directory / LOCK).touch()
        (directory / _PLAN).write_bytes(msgspec.json.encode(_Plan(path=path, count=count)))
        return upload_id

    def open_part(self, upload_id: str, number: int) -> PartWriter:
        """A new part. Raises NotFound, InvalidParameter, OSError."""
        directory = self._directory(upload_id)
        plan = _plan(directory, upload_id)
        if not 1 <= number <= min(plan.count, MAX_PARTS):
            raise InvalidParameter(f"This upload has parts 1 to {plan.count}, and no part {number}")
        try:
            return PartWriter(directory, number)
        except FileNotFoundError:
            raise NotFound(f"There is no upload '{upload_id[:100]}'") from None

    def finish(self, path: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `SignedTransfers.finish`. Harmless when done already. Raises OSError, too."""
        directory = self._directory(upload_id)
        with _working_on(directory, upload_id):
            plan = _plan(directory, upload_id)
            if plan.path != path:
                raise NotFound(f"There is no upload '{upload_id[:100]}' of '{path}'")
            if (directory / _DONE).exists():
                return
            self._join(plan, [_found(directory, part) for part in _all(plan, parts)])
            (directory / _DONE).touch()
            for part in directory.glob("[0-9]*.*"):
                part.unlink()

    def _join(self, plan: _Plan, parts: Sequence[Path]) -> None:
        growing = self._store.open_writer(plan.path)
        try:
            for part in parts:
                _append(part, growing)
            growing.commit()
        finally:
            growing.abort()

    def cancel(self, path: str, upload_id: str) -> None:
        """See `SignedTransfers.cancel`. Raises OSError, too."""
        self._store.target(path)
        directory = self._directory(upload_id)
        try:
            with _working_on(directory, upload_id):
                if _plan(directory, upload_id).path == path:
                    shutil.rmtree(directory)
        except NotFound:
            pass

    def _directory(self, upload_id: str) -> Path:
        if not _ID.fullmatch(upload_id):
            raise NotFound(f"There is no upload '{upload_id[:100]}'")
        return self._store.uploads / f"{upload_id}{PARTS_SUFFIX}"


class PartWriter:
    """A part on its way in. Used by one thread at a time."""

    def __init__(self, directory: Path, number: int) -> None:
        self._growing = GrowingFile(directory, directory)
        self._directory = directory
        self._number = number
        self._hash = hashlib.blake2b(digest_size=16)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes. Raises OSError."""
        self._growing.write(chunk)
        self._hash.update(chunk)

    @property
    def etag(self) -> str:
        """The tag of what was written."""
        return self._hash.hexdigest()

    def commit(self) -> None:
        """Make it a part of the upload. A part may come again. Raises NotFound where the upload is gone."""
        try:
            self._growing.rename(self._directory / f"{self._number:05d}.{self.etag}")
        except FileNotFoundError:
            raise NotFound("The upload that this part belongs to is gone") from None

    def abort(self) -> None:
        """See `ArtifactWriter.abort`."""
        self._growing.abort()


def _append(part: Path, growing: GrowingFile) -> None:
    with part.open("rb", buffering=0) as source:
        while chunk := source.read(_COPIED_AT_ONCE):
            growing.write(chunk)


def _all(plan: _Plan, parts: Sequence[Part]) -> Sequence[Part]:
    """The parts in order, each once. Raises InvalidParameter."""
    if [part.number for part in parts] != list(range(1, plan.count + 1)):
        raise InvalidParameter(
            f"The parts of this upload are 1 to {plan.count}, in this order, and no others"
        )
    return parts


def _found(directory: Path, part: Part) -> Path:
    etag = part.etag.strip('"')
    path = directory / f"{part.number:05d}.{etag}"
    if not _ETAG.fullmatch(etag) or not path.exists():
        raise InvalidParameter(f"Part {part.number} of this upload did not come, or with other content")
    return path


def _plan(directory: Path, upload_id: str) -> _Plan:
    try:
        return msgspec.json.decode((directory / _PLAN).read_bytes(), type=_Plan)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        raise NotFound(f"There is no upload '{upload_id[:100]}'") from None


@contextlib.contextmanager
def _working_on(directory: Path, upload_id: str) -> Iterator[None]:
    """Alone, among all threads and processes. Raises NotFound, Unavailable."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no upload '{upload_id[:100]}'") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Unavailable("Another request is ending this upload. Ask again in a moment.") from None
    finally:
        os.close(descriptor)
