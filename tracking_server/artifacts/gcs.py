"""Google Cloud Storage, through gcsfs (extra `gcs`).

Credentials are found as by every program of Google's libraries: `GOOGLE_APPLICATION_CREDENTIALS`, `gcloud`,
or the identity of the machine. A large object goes up in one resumable session, of which nothing is seen
before its last byte: https://cloud.google.com/storage/docs/performing-resumable-uploads
Parts that clients put are those of the XML interface, which is S3's:
https://cloud.google.com/storage/docs/multipart-uploads
"""

from __future__ import annotations

import asyncio
import html
import logging
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from tracking_server.artifacts.bucket import Body, Bucket, CannotSign, Page, Upload
from tracking_server.artifacts.protocol import FileFacts, Part, Signed
from tracking_server.errors import InvalidParameter, Unavailable

PART_BYTES = 8 * 1024 * 1024
"""A multiple of 256 KiB, as the parts of a session must be."""

_AT_ONCE = 16
_UPLOAD_ID = re.compile(r"<UploadId>([^<]+)</UploadId>")
_ENDS_AT = re.compile(r"bytes=0-(\d+)")


def connect(bucket: str, environ: Mapping[str, str] = os.environ) -> GcsBucket:
    """A bucket, by the credentials in the environment."""
    import gcsfs

    # The library logs failures with the URLs of upload sessions, which are secrets; callers report them.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    filesystem = gcsfs.GCSFileSystem(
        # An emulator knows no accounts; looking for one's own would wait for a metadata server.
        token="anon" if environ.get("STORAGE_EMULATOR_HOST") else None,
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    return GcsBucket(filesystem, bucket)


class GcsBucket:
    """See `Bucket`."""

    # Only keys can sign, and most servers have none but an identity.
    reading_is_certain = False

    def __init__(self, filesystem: Any, bucket: str) -> None:
        self._filesystem = filesystem
        self._bucket = bucket

    async def call(self, method: str, path: str, *names: str, **arguments: Any) -> Any:
        """One request. Raises as gcsfs does."""
        return await self._filesystem._call(method, path, *names, **arguments)

    async def forget(self, session: str) -> None:
        """End an upload session, whatever the service says to it: it ends by itself after a week."""
        headers = self._filesystem._get_headers(None)
        async with self._filesystem.session.delete(session, headers=headers):
            pass

    @property
    def location(self) -> str:
        """Where the service is."""
        return str(self._filesystem._location)

    def part_bytes(self, sent: int) -> int:  # noqa: ARG002
        """See `Bucket.part_bytes`."""
        return PART_BYTES

    async def facts(self, key: str) -> FileFacts:
        """See `Bucket.facts`."""
        found = await self.call("GET", "b/{}/o/{}", self._bucket, key, json_out=True)
        changed = str(found["updated"]).replace("Z", "+00:00")
        return FileFacts(
            size_bytes=int(found["size"]),
            etag=f'"{found["generation"]}"',
            modified_at_s=datetime.fromisoformat(changed).timestamp(),
        )

    async def read(self, key: str, start: int, end: int, facts: FileFacts) -> bytes:
        """See `Bucket.read`."""
        _, body = await self.call(
            "GET",
            "b/{}/o/{}",
            self._bucket,
            key,
            alt="media",
            generation=facts.etag.strip('"'),
            headers={"Range": f"bytes={start}-{end - 1}"},
        )
        return bytes(body)

    async def page(self, prefix: str, token: str | None, *, deep: bool, limit: int) -> Page:
        """See `Bucket.page`."""
        found = await self.call(
            "GET",
            "b/{}/o",
            self._bucket,
            prefix=prefix,
            delimiter=None if deep else "/",
            pageToken=token,
            maxResults=limit,
            fields="items(name,size),prefixes,nextPageToken",
            json_out=True,
        )
        return Page(
            files=[(item["name"], int(item.get("size", 0))) for item in found.get("items", ())],
            directories=found.get("prefixes", ()),
            next_token=found.get("nextPageToken"),
        )

    async def put(self, key: str, body: bytes) -> None:
        """See `Bucket.put`."""
        if (
            not body
        ):  # a session says that nothing comes; a plain upload only fails to say that something does
            await (await self.begin(key)).finish(b"")
            return
        await self.call(
            "POST",
            self._upload_url,
            uploadType="media",
            name=key,
            data=Body(body),
            headers=_binary(len(body)),
        )

    async def begin(self, key: str) -> Upload:
        """See `Bucket.begin`."""
        headers, _ = await self.call("POST", self._upload_url, uploadType="resumable", json={"name": key})
        return _GcsUpload(self, str(headers["Location"]))

    @property
    def _upload_url(self) -> str:
        return f"{self.location}/upload/storage/v1/b/{quote(self._bucket, safe='')}/o"

    async def remove(self, keys: Sequence[str]) -> None:
        """See `Bucket.remove`."""
        for start in range(0, len(keys), _AT_ONCE):
            await asyncio.gather(*(self._remove(key) for key in keys[start : start + _AT_ONCE]))

    async def _remove(self, key: str) -> None:
        try:
            await self.call("DELETE", "b/{}/o/{}", self._bucket, key)
        except FileNotFoundError:
            pass

    async def sign_parts(self, key: str, count: int, lives_s: int) -> tuple[str, list[Signed]]:
        """See `Bucket.sign_parts`."""
        await asyncio.to_thread(self._signed, key, "PUT", lives_s)  # before anything is begun
        _, reply = await self.call("POST", f"{self._object_url(key)}?uploads", headers=_binary(0))
        found = _UPLOAD_ID.search(reply.decode("utf-8", "replace"))
        if found is None:
            raise Unavailable(f"The artifact store gs://{self._bucket} began no multipart upload.")
        upload_id = html.unescape(found[1])

        def signed() -> list[Signed]:
            queries = [{"partNumber": str(number), "uploadId": upload_id} for number in range(1, count + 1)]
            return [
                Signed(url=self._signed(key, "PUT", lives_s, query_parameters=query)) for query in queries
            ]

        return upload_id, await asyncio.to_thread(signed)

    async def join_parts(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.join_parts`."""
        from gcsfs.retry import HttpError

        chosen = "".join(
            f"<Part><PartNumber>{part.number}</PartNumber><ETag>{html.escape(part.etag)}</ETag></Part>"
            for part in parts
        )
        body = f"<CompleteMultipartUpload>{chosen}</CompleteMultipartUpload>".encode()
        url = f"{self._object_url(key)}?uploadId={quote(upload_id, safe='')}"
        try:
            await self.call("POST", url, data=body, headers={"Content-Type": "application/xml"})
        except (HttpError, ValueError) as error:
            if isinstance(error, HttpError) and error.code != 400:
                raise
            raise InvalidParameter("The store does not take the parts of this upload.") from error

    async def drop_parts(self, key: str, upload_id: str) -> None:
        """See `Bucket.drop_parts`."""
        await self.call("DELETE", f"{self._object_url(key)}?uploadId={quote(upload_id, safe='')}")

    def _object_url(self, key: str) -> str:
        return f"{self.location}/{self._bucket}/{quote(key, safe='/')}"

    async def sign_put(self, key: str, media_type: str, lives_s: int) -> Signed:
        """See `Bucket.sign_put`."""
        url = await asyncio.to_thread(self._signed, key, "PUT", lives_s, content_type=media_type)
        return Signed(url=url, headers={"Content-Type": media_type})

    async def sign_get(self, key: str, name: str, lives_s: int) -> Signed:
        """See `Bucket.sign_get`."""
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return Signed(
            url=await asyncio.to_thread(self._signed, key, "GET", lives_s, response_disposition=disposition)
        )

    def _signed(self, key: str, method: str, lives_s: int, **further: Any) -> str:
        """A V4 signed URL. Raises NotSupported where the credentials have no key to sign with."""
        import google.auth
        from google.auth.credentials import AnonymousCredentials, Signing
        from google.cloud.storage import Client

        credentials = self._filesystem.credentials.credentials
        if not isinstance(credentials, Signing) and "GOOGLE_APPLICATION_CREDENTIALS" in os.environ:
            credentials, _ = google.auth.default()
        if not isinstance(credentials, Signing):
            raise CannotSign
        client = Client(project="none", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        blob = client.bucket(self._bucket).blob(key)
        return str(
            blob.generate_signed_url(
                version="v4",
                method=method,
                expiration=timedelta(seconds=lives_s),
                credentials=credentials,
                api_access_endpoint=self.location,
                **further,
            )
        )


class _GcsUpload:
    """A resumable session. The service may keep less of a part than it was sent; the rest is sent again."""

    def __init__(self, bucket: GcsBucket, session: str) -> None:
        self._bucket = bucket
        self._session = session
        self._sent = 0

    async def send(self, part: bytes) -> None:
        """See `Upload.send`."""
        rest = memoryview(part)
        while rest:
            end = self._sent + len(rest)
            headers = {"Content-Range": f"bytes {self._sent}-{end - 1}/*", **_binary(len(rest))}
            reply, _ = await self._bucket.call("PUT", self._session, data=Body(rest), headers=headers)
            kept = _ENDS_AT.fullmatch(reply.get("Range", ""))
            kept_to = 0 if kept is None else int(kept[1]) + 1
            if not self._sent < kept_to <= end:
                raise Unavailable("The artifact store lost its place in an upload.")
            rest = rest[kept_to - self._sent :]
            self._sent = kept_to

    async def finish(self, last: bytes) -> None:
        """See `Upload.finish`."""
        total = self._sent + len(last)
        what = f"{self._sent}-{total - 1}" if last else "*"
        headers = {"Content-Range": f"bytes {what}/{total}", **_binary(len(last))}
        _, reply = await self._bucket.call("PUT", self._session, data=Body(last), headers=headers)
        if not reply:
            raise Unavailable("The artifact store did not take the end of an upload.")

    async def cancel(self) -> None:
        """See `Upload.cancel`."""
        await self._bucket.forget(self._session)


def _binary(size: int) -> dict[str, str]:
    return {"Content-Type": "application/octet-stream", "Content-Length": str(size)}


def _conforms(bucket: GcsBucket) -> Bucket:
    return bucket
