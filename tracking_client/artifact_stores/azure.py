"""Azure's blob storage, through its own library (extra `azure`).

Credentials: `AZURE_STORAGE_CONNECTION_STRING`, `AZURE_STORAGE_ACCESS_KEY` or `AZURE_STORAGE_ACCOUNT_KEY`,
`AZURE_STORAGE_SAS_TOKEN`, or what Azure's identity library finds. A large blob is staged in blocks, which
nobody sees before their list is put: https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tracking_client.artifact_stores import checksums
from tracking_client.artifact_stores.bucket import Bucket, NotThere
from tracking_client.artifact_stores.checksums import Checksum, StoredFile
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.parts import Part
from tracking_client.artifact_stores.ranged import BrokenOff, Changed, Take
from tracking_client.artifact_stores.root import Moved
from tracking_client.artifact_stores.threads import AT_ONCE
from tracking_client.errors import ArtifactError

_BLOCK_BYTES = 8 << 20  # of which a blob has 50,000 at most: 400 GB
_READ_BYTES = 4 << 20


def connect(container: str, host: str, environ: Mapping[str, str] = os.environ) -> AzureContainer:
    """A container of the account whose blob service is `host`. Raises ArtifactError for another account's."""
    from azure.storage.blob import BlobServiceClient

    options: dict[str, Any] = {
        "max_single_put_size": _BLOCK_BYTES,
        "max_block_size": _BLOCK_BYTES,
        "max_single_get_size": _READ_BYTES,
        "max_chunk_get_size": _READ_BYTES,
    }
    connection_string = environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if connection_string:
        named = re.search(r"AccountName=([^;]+)", connection_string)
        account = host.partition(".")[0]
        if named is not None and named[1].lower() != account:
            raise ArtifactError(
                f"AZURE_STORAGE_CONNECTION_STRING is for account '{named[1]}', and not for '{account}'",
                uri=f"{container}@{host}",
            )
        service = BlobServiceClient.from_connection_string(connection_string, **options)
    else:
        service = BlobServiceClient(f"https://{host}", credential=_credential(environ), **options)
    return AzureContainer(service.get_container_client(container))


def _credential(environ: Mapping[str, str]) -> Any:
    for name in ("AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"):
        if environ.get(name):
            return environ[name]
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


class AzureContainer:
    """See `Bucket`."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def facts(self, key: str) -> StoredFile:
        """See `Bucket.facts`."""
        with _translated():
            found = self._container.get_blob_client(key).get_blob_properties()
        if _is_folder(found.metadata):
            raise NotThere
        md5 = found.content_settings.content_md5
        return StoredFile(
            size_bytes=int(found.size),
            version=str(found.etag),
            checksum=Checksum("md5", bytes(md5)) if md5 else None,
        )

    def stream(self, key: str, start: int, end: int, stored: StoredFile, take: Take) -> None:
        """See `Bucket.stream`."""
        if start == end:
            return
        from azure.core import MatchConditions
        from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError

        try:
            with _translated():
                found = self._container.get_blob_client(key).download_blob(
                    offset=start,
                    length=end - start,
                    etag=stored.version,
                    match_condition=MatchConditions.IfNotModified,
                    max_concurrency=1,
                )
                for chunk in found.chunks():
                    take(bytes(chunk))
        except (IncompleteReadError, ServiceRequestError, ServiceResponseError) as error:
            raise BrokenOff from error

    def entries(self, prefix: str) -> Iterator[tuple[str, int | None]]:
        """See `Bucket.entries`."""
        from azure.storage.blob import BlobPrefix

        with _translated():
            for item in self._container.walk_blobs(
                name_starts_with=prefix, include=["metadata"], delimiter="/"
            ):
                if isinstance(item, BlobPrefix):
                    yield str(item.name), None
                elif not _is_folder(item.metadata):
                    yield str(item.name), int(item.size or 0)

    def put(self, key: str, local_path: Path, pieces: list[Part], moved: Moved, kind: str) -> None:
        """See `Bucket.put`. The store checks every request by its MD5, and keeps that of the whole."""
        from azure.storage.blob import ContentSettings

        size_bytes = pieces[-1].end
        md5 = checksums.digest(local_path, "md5", 0, size_bytes)
        with _translated(), FileSlice(local_path, 0, size_bytes, moved) as body:
            self._container.get_blob_client(key).upload_blob(
                body,
                length=size_bytes,
                overwrite=True,
                validate_content=True,
                max_concurrency=AT_ONCE,
                content_settings=ContentSettings(content_type=kind, content_md5=bytearray(md5)),
            )


def _is_folder(metadata: Mapping[str, str] | None) -> bool:
    """Whether a blob stands for a directory, as accounts with a hierarchy have them."""
    return {str(key).lower(): value for key, value in (metadata or {}).items()}.get("hdi_isfolder") == "true"


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError

    try:
        yield
    except ResourceNotFoundError as error:
        raise NotThere from error
    except ResourceModifiedError as error:
        raise Changed from error
    except HttpResponseError as error:
        if error.status_code in (412, 416):
            raise Changed from error
        raise


def _conforms(container: AzureContainer) -> Bucket:
    return container


__all__ = ["AzureContainer", "connect"]
