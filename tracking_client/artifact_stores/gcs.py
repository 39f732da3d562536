"""Google Cloud Storage, through its own library (extra `gcs`).

Credentials are found as by every program of Google's libraries: `GOOGLE_APPLICATION_CREDENTIALS`, `gcloud`,
or the identity of the machine. A large object goes up in one resumable session, of which nothing is seen
before its last byte: https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tracking_client.artifact_stores.bucket import Bucket, NotThere
from tracking_client.artifact_stores.checksums import Checksum, StoredFile
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.parts import Part
from tracking_client.artifact_stores.ranged import BrokenOff, Changed, Take
from tracking_client.artifact_stores.root import Moved

_CHUNK_BYTES = 8 << 20
_TIMEOUT_S = 60


def connect(bucket: str, environ: Mapping[str, str] = os.environ) -> GcsBucket:
    """A bucket, by the credentials in the environment."""
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    if environ.get("STORAGE_EMULATOR_HOST"):
        # An emulator knows no accounts; looking for one's own would wait for a metadata server.
        return GcsBucket(Client(project="none", credentials=AnonymousCredentials()), bucket)  # type: ignore[no-untyped-call]  # as they ship it
    credentials, project = google.auth.default(["https://www.googleapis.com/auth/devstorage.read_write"])
    return GcsBucket(Client(project=project or "none", credentials=credentials), bucket)


class GcsBucket:
    """See `Bucket`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = client.bucket(bucket)

    def facts(self, key: str) -> StoredFile:
        """See `Bucket.facts`."""
        with _translated():
            blob = self._bucket.get_blob(key, timeout=_TIMEOUT_S)
        if blob is None:
            raise NotThere
        return StoredFile(size_bytes=int(blob.size), version=str(blob.generation), checksum=_checksum(blob))

    def stream(self, key: str, start: int, end: int, stored: StoredFile, take: Take) -> None:
        """See `Bucket.stream`."""
        if start == end:
            return
        import requests

        try:
            with _translated():
                self._bucket.blob(key).download_to_file(
                    _Taking(take),
                    start=start,
                    end=end - 1,
                    raw_download=True,
                    checksum=None,
                    if_generation_match=int(stored.version),
                    timeout=_TIMEOUT_S,
                )
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise BrokenOff from error

    def entries(self, prefix: str) -> Iterator[tuple[str, int | None]]:
        """See `Bucket.entries`."""
        with _translated():
            found = self._client.list_blobs(self._bucket, prefix=prefix, delimiter="/", timeout=_TIMEOUT_S)
            for blob in found:
                yield blob.name, int(blob.size or 0)
            for name in found.prefixes:
                yield name, None

    def put(self, key: str, local_path: Path, pieces: list[Part], moved: Moved, kind: str) -> None:
        """See `Bucket.put`. The store checks the whole by its checksum."""
        size_bytes = pieces[-1].end
        blob = self._bucket.blob(key, chunk_size=_CHUNK_BYTES if size_bytes > _CHUNK_BYTES else None)
        with _translated(), FileSlice(local_path, 0, size_bytes, moved) as body:
            blob.upload_from_file(
                body, size=size_bytes, content_type=kind, checksum="md5", timeout=_TIMEOUT_S
            )


class _Taking:
    """A file to which the library writes what came."""

    def __init__(self, take: Take) -> None:
        self._take = take

    def write(self, chunk: bytes) -> int:
        """The next bytes."""
        self._take(bytes(chunk))
        return len(chunk)


def _checksum(blob: Any) -> Checksum | None:
    """The MD5, or for objects that were composed the CRC-32C, which every object has."""
    if blob.md5_hash:
        return Checksum("md5", base64.b64decode(blob.md5_hash))
    return Checksum("crc32c", base64.b64decode(blob.crc32c)) if blob.crc32c else None


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    from google.api_core.exceptions import NotFound, PreconditionFailed, RequestRangeNotSatisfiable

    try:
        yield
    except NotFound as error:
        raise NotThere from error
    except (PreconditionFailed, RequestRangeNotSatisfiable) as error:
        raise Changed from error


def _conforms(bucket: GcsBucket) -> Bucket:
    return bucket


__all__ = ["GcsBucket", "connect"]
