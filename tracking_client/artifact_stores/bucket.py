"""Artifacts in a bucket of an object store, whichever kind it is, by the credentials of the environment.

Through the vendors' own libraries, which the extras' s3fs, gcsfs and adlfs bring along: MLflow's client uses
the same, so what is configured for it holds here, and their calls block, as threads of a program want it.
"""

from __future__ import annotations

import contextlib
import mimetypes
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from tracking_client.artifact_stores import checksums, parts, ranged
from tracking_client.artifact_stores.checksums import StoredFile
from tracking_client.artifact_stores.names import joined
from tracking_client.artifact_stores.ranged import Changed, Take
from tracking_client.artifact_stores.root import ArtifactRoot, Moved, unheard
from tracking_client.errors import ArtifactError, NotFound, TrackingError
from tracking_client.wire.entities import FileInfo

_ATTEMPTS = 3
_COMPARED_FROM_BYTES = 1 << 20
"""Below, sending a file again costs no more than asking whether it is there."""

_HARMLESS_CODE = re.compile(r"[\w.\-]{1,80}")


class NotThere(Exception):
    """The store has no such object, bucket or upload."""


class Bucket(Protocol):
    """The calls of one bucket or container, through its vendor's library, which repeats what may be repeated.

    Safe in threads. Every method raises NotThere and whatever the library raises.
    """

    def facts(self, key: str) -> StoredFile:
        """What the store knows of an object."""

    def stream(self, key: str, start: int, end: int, stored: StoredFile, take: Take) -> None:
        """See `Source.stream`; of that version."""

    def entries(self, prefix: str) -> Iterator[tuple[str, int | None]]:
        """What is directly below a prefix that ends in `/` (or is empty): keys with sizes in bytes, and
        prefixes that stand for directories without.
        """

    def put(self, key: str, local_path: Path, pieces: list[parts.Part], moved: Moved, kind: str) -> None:
        """Writes an object, of the media type `kind`, that appears when it is whole."""


class BucketRoot:
    """A prefix of a bucket. The library is loaded, and the store connected to, by the first call."""

    def __init__(self, prefix: str, where: str, connect: Callable[[], Bucket]) -> None:
        self._prefix = prefix
        self._where = where
        self._connect = connect
        self._bucket: Bucket | None = None
        self._lock = threading.Lock()

    @property
    def bucket(self) -> Bucket:
        """The bucket. Raises ArtifactError where the environment has no usable credentials."""
        with self._lock:
            if self._bucket is None:
                with self._told():
                    self._bucket = self._connect()
            return self._bucket

    def put(self, local_path: Path, path: str, moved: Moved = unheard) -> None:
        """Writes the file as it is now; nothing where the store has it already, by its checksum."""
        size_bytes = local_path.stat().st_size
        bucket, key = self.bucket, self._key(path)
        with self._told():
            if size_bytes >= _COMPARED_FROM_BYTES and _has(bucket, key, local_path):
                moved(size_bytes)
                return
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            bucket.put(key, local_path, parts.of_upload(size_bytes), moved, kind)

    def entries(self, path: str) -> list[FileInfo]:
        """One level below a prefix."""
        key = self._key(path)
        prefix = f"{key}/" if key else ""
        bucket = self.bucket
        found: list[FileInfo] = []
        try:
            with self._told():
                for name, size_bytes in bucket.entries(prefix):
                    base = name.removeprefix(prefix).rstrip("/")
                    # What cannot be a file's name here was not made by us, and cannot be asked for.
                    if base not in ("", ".", "..") and not any(mark in base for mark in "/\\\0"):
                        found.append(FileInfo(joined(path, base), size_bytes is None, size_bytes))
        except NotFound:
            return []
        return sorted(found, key=lambda entry: entry.path)

    def get(self, path: str, local_path: Path, moved: Moved = unheard) -> None:
        """Fetches the object in ranges; nothing where it is here already, by its checksum."""
        bucket, key = self.bucket, self._key(path)
        for _ in range(_ATTEMPTS):
            with self._told(path):
                stored = bucket.facts(key)
                if checksums.is_same(local_path, stored):
                    moved(stored.size_bytes)
                    return
                try:
                    ranged.fetch(_Object(bucket, key, stored), local_path, moved, what=path)
                    return
                except Changed:
                    continue
        raise ArtifactError(f"{path} was changed {_ATTEMPTS} times while it was downloaded", uri=path)

    def _key(self, path: str) -> str:
        return joined(self._prefix, path)

    @contextlib.contextmanager
    def _told(self, path: str = "") -> Iterator[None]:
        """Errors of the library as ours, without their text: it may hold URLs with signatures."""
        try:
            yield
        except TrackingError:
            raise
        except NotThere:
            missing = f"No such artifact: '{path}'" if path else f"{self._where} does not exist"
            raise NotFound(missing, status=404, code="RESOURCE_DOES_NOT_EXIST") from None
        except Exception as error:
            if isinstance(error, OSError) and type(error).__module__ == "builtins":
                raise  # a file of this machine
            raise ArtifactError(
                f"the artifact store {self._where} did not do what was asked: {_reason(error)}. Check the "
                "credentials in the environment, and whether the store can be reached from here",
                uri=self._where,
                retryable=_may_pass(error),
            ) from error


class _Object:
    """One version of an object."""

    def __init__(self, bucket: Bucket, key: str, stored: StoredFile) -> None:
        self.stored = stored
        self._bucket = bucket
        self._key = key

    def stream(self, start: int, end: int, take: Take) -> None:
        """See `Source.stream`."""
        self._bucket.stream(self._key, start, end, self.stored, take)


def _has(bucket: Bucket, key: str, local_path: Path) -> bool:
    try:
        return checksums.is_same(local_path, bucket.facts(key))
    except NotThere:
        return False


def _reason(error: BaseException) -> str:
    """The store's own code where it sent one, else what kind of error it is."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, dict):  # botocore
            code = response.get("Error", {}).get("Code")
        else:  # azure.core, google.api_core
            code = getattr(cause, "error_code", None) or getattr(cause, "code", None)
            code = code or getattr(cause, "status_code", None)
        code = getattr(code, "value", code)
        if isinstance(code, (str, int)) and _HARMLESS_CODE.fullmatch(str(code)):
            return str(code)
        cause = cause.__cause__
    return type(error).__name__


def _may_pass(error: BaseException) -> bool:
    """Whether the store was not reached, or has trouble: no answer came, or one of 408, 429 or 5xx."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ConnectionError, TimeoutError, socket.gaierror)):
            return True
        response = getattr(cause, "response", None)
        if isinstance(response, dict):  # botocore
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        else:  # azure.core, google.api_core
            status = getattr(cause, "status_code", None) or getattr(cause, "code", None)
        if isinstance(status, int) and (status in (408, 429) or status >= 500):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _conforms(root: BucketRoot, source: _Object) -> tuple[ArtifactRoot, ranged.Source]:
    return root, source


__all__ = ["Bucket", "BucketRoot", "NotThere"]
