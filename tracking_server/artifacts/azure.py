"""Azure's blob storage, through adlfs (extra `azure`).

Credentials are found by adlfs and by Azure's identity library: `AZURE_STORAGE_CONNECTION_STRING`,
`AZURE_STORAGE_ACCOUNT_KEY` (or MLflow's `AZURE_STORAGE_ACCESS_KEY`), `AZURE_STORAGE_SAS_TOKEN`, or the
identity of the machine. A large blob is staged in blocks, which nobody sees before their list is put:
https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from tracking_server.artifacts.bucket import Body, Bucket, CannotSign, Page, Upload
from tracking_server.artifacts.calls import NotThere, reason_of
from tracking_server.artifacts.protocol import FileFacts, Part, Signed
from tracking_server.errors import InvalidParameter

PART_BYTES = 8 * 1024 * 1024
_PARTS_OF_ONE_SIZE = 10_000
_AT_ONCE = 16
_ONE_REQUEST_BYTES = 1024 * 1024
_CLOCKS_DIFFER = timedelta(minutes=5)


def connect(container: str, host: str, environ: Mapping[str, str] = os.environ) -> AzureContainer:
    """A container of the account whose blob service is `host`. Raises ValueError where settings lack."""
    import adlfs

    filesystem = adlfs.AzureBlobFileSystem(
        account_name=host.partition(".")[0],
        account_host=host,
        account_key=environ.get("AZURE_STORAGE_ACCESS_KEY") or None,
        anon=False,
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    return AzureContainer(filesystem, container)


class AzureContainer:
    """See `Bucket`."""

    def __init__(self, filesystem: Any, container: str) -> None:
        self._service = filesystem.service_client
        self._container = container

    @property
    def reading_is_certain(self) -> bool:
        """See `Bucket.reading_is_certain`: with the account's key, everything can be signed."""
        return self._account_key is not None

    @property
    def _account_key(self) -> str | None:
        key = getattr(self._service.credential, "account_key", None)
        return key if isinstance(key, str) else None

    def blob(self, key: str) -> Any:
        """The library's client for one blob."""
        return self._service.get_blob_client(self._container, key)

    def part_bytes(self, sent: int) -> int:
        """See `Bucket.part_bytes`. Parts grow, since there are at most 50,000 of them."""
        return PART_BYTES * (1 + sent // _PARTS_OF_ONE_SIZE)

    async def facts(self, key: str) -> FileFacts:
        """See `Bucket.facts`."""
        with _translated():
            found = await self.blob(key).get_blob_properties()
        if _is_folder(found.metadata):
            raise NotThere
        return FileFacts(
            size_bytes=int(found.size), etag=str(found.etag), modified_at_s=found.last_modified.timestamp()
        )

    async def read(self, key: str, start: int, end: int, facts: FileFacts) -> bytes:
        """See `Bucket.read`."""
        from azure.core import MatchConditions

        with _translated():
            found = await self.blob(key).download_blob(
                offset=start,
                length=end - start,
                etag=facts.etag,
                match_condition=MatchConditions.IfNotModified,
                max_concurrency=1,
            )
            return bytes(await found.readall())

    async def page(self, prefix: str, token: str | None, *, deep: bool, limit: int) -> Page:
        """See `Bucket.page`."""
        from azure.storage.blob.aio import BlobPrefix

        container = self._service.get_container_client(self._container)
        # Accounts with a hierarchy have blobs that stand for folders: to be deleted, but not to be shown.
        listing = (
            container.list_blobs(name_starts_with=prefix, results_per_page=limit)
            if deep
            else container.walk_blobs(
                name_starts_with=prefix, include=["metadata"], delimiter="/", results_per_page=limit
            )
        )
        files: list[tuple[str, int]] = []
        directories: list[str] = []
        pages = listing.by_page(token)
        with _translated():
            async for page in pages:
                async for item in page:
                    if isinstance(item, BlobPrefix):
                        directories.append(item.name)
                    elif deep or not _is_folder(item.metadata):
                        files.append((item.name, int(item.size)))
                break
        return Page(files=files, directories=directories, next_token=pages.continuation_token or None)

    async def put(self, key: str, body: bytes) -> None:
        """See `Bucket.put`."""
        if len(body) > _ONE_REQUEST_BYTES:  # the library would hand it on as one piece that blocks the loop
            await (await self.begin(key)).finish(body)
            return
        with _translated():
            await self.blob(key).upload_blob(Body(body), length=len(body), overwrite=True)

    async def begin(self, key: str) -> Upload:
        """See `Bucket.begin`."""
        return _AzureUpload(self, key)

    async def remove(self, keys: Sequence[str]) -> None:
        """See `Bucket.remove`."""
        for start in range(0, len(keys), _AT_ONCE):
            await asyncio.gather(*(self._remove(key) for key in keys[start : start + _AT_ONCE]))

    async def _remove(self, key: str) -> None:
        try:
            with _translated():
                await self.blob(key).delete_blob(delete_snapshots="include")
        except NotThere:
            pass

    async def commit(self, key: str, blocks: Iterable[str]) -> None:
        """Make the blob of its staged blocks. Raises InvalidParameter where one was not staged."""
        from azure.core.exceptions import HttpResponseError
        from azure.storage.blob import BlobBlock

        try:
            with _translated():
                await self.blob(key).commit_block_list([BlobBlock(block_id=block) for block in blocks])
        except HttpResponseError as error:
            if reason_of(error) == "InvalidBlockList":
                raise InvalidParameter("The store has not all parts of this upload.") from error
            raise

    async def sign_parts(self, key: str, count: int, lives_s: int) -> tuple[str, list[Signed]]:
        """See `Bucket.sign_parts`."""
        upload_id = secrets.token_hex(8)
        blob = await self._signed(key, "rw", lives_s)
        urls = [
            f"{blob}&comp=block&blockid={quote(_encoded(_block(upload_id, number)), safe='')}"
            for number in range(1, count + 1)
        ]
        return upload_id, [Signed(url=url) for url in urls]

    async def join_parts(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.join_parts`."""
        await self.commit(key, [_block(upload_id, part.number) for part in parts])

    async def drop_parts(self, key: str, upload_id: str) -> None:
        """See `Bucket.drop_parts`. Blocks that are not committed cannot be deleted; they go after a week."""

    async def sign_put(self, key: str, media_type: str, lives_s: int) -> Signed:
        """See `Bucket.sign_put`."""
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": media_type}
        return Signed(url=await self._signed(key, "cw", lives_s), headers=headers)

    async def sign_get(self, key: str, name: str, lives_s: int) -> Signed:
        """See `Bucket.sign_get`."""
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return Signed(url=await self._signed(key, "r", lives_s, content_disposition=disposition))

    async def _signed(self, key: str, permission: str, lives_s: int, **further: Any) -> str:
        """The blob's URL with a shared access signature, by the account's key or the server's identity."""
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        now = datetime.now(timezone.utc)
        expiry = now + timedelta(seconds=lives_s)
        if self._account_key is not None:
            further["account_key"] = self._account_key
        elif hasattr(self._service.credential, "get_token"):
            start = now - _CLOCKS_DIFFER
            further["user_delegation_key"] = await self._service.get_user_delegation_key(start, expiry)
        else:
            raise CannotSign
        signature = generate_blob_sas(
            account_name=self._service.account_name,
            container_name=self._container,
            blob_name=key,
            permission=BlobSasPermissions.from_string(permission),
            expiry=expiry,
            **further,
        )
        return f"{self.blob(key).url.partition('?')[0]}?{signature}"


class _AzureUpload:
    """Blocks of a blob, and their list. The store drops blocks that nobody lists after a week."""

    def __init__(self, container: AzureContainer, key: str) -> None:
        self._container = container
        self._key = key
        self._id = secrets.token_hex(8)
        self._sent = 0

    async def send(self, part: bytes) -> None:
        """See `Upload.send`."""
        with _translated():
            await self._container.blob(self._key).stage_block(
                _block(self._id, self._sent + 1), Body(part), length=len(part)
            )
        self._sent += 1

    async def finish(self, last: bytes) -> None:
        """See `Upload.finish`."""
        if last:
            await self.send(last)
        await self._container.commit(
            self._key, [_block(self._id, number) for number in range(1, self._sent + 1)]
        )

    async def cancel(self) -> None:
        """See `Upload.cancel`."""


def _block(upload_id: str, number: int) -> str:
    """The id of a block; all ids of a blob must be of one length."""
    return f"{upload_id}-{number:05d}"


def _encoded(block: str) -> str:
    """A block's id as the library sends it."""
    return base64.b64encode(block.encode()).decode()


def _is_folder(metadata: Mapping[str, str] | None) -> bool:
    return {str(key).lower(): value for key, value in (metadata or {}).items()}.get("hdi_isfolder") == "true"


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turns Azure's "not found" into NotThere."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        yield
    except ResourceNotFoundError as error:
        raise NotThere from error


def _conforms(container: AzureContainer) -> Bucket:
    return container
