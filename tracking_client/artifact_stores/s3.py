"""Amazon S3 and what speaks its protocol, through botocore (extra `s3`).

Credentials and region are found as by every program of AWS's libraries (environment, profile, role). Beside
`AWS_ENDPOINT_URL`, MLflow's own variables are read: `MLFLOW_S3_ENDPOINT_URL`, `MLFLOW_S3_IGNORE_TLS`,
`MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE` and `MLFLOW_S3_UPLOAD_EXTRA_ARGS`.
Calls: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tracking_client.artifact_stores import checksums
from tracking_client.artifact_stores.atomic import CHUNK_BYTES
from tracking_client.artifact_stores.bucket import Bucket, NotThere
from tracking_client.artifact_stores.checksums import Checksum, StoredFile
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.parts import Part
from tracking_client.artifact_stores.ranged import BrokenOff, Changed, Take
from tracking_client.artifact_stores.root import Moved, Retractable
from tracking_client.artifact_stores.threads import run_all
from tracking_client.errors import InvalidArgument

_TRUE = frozenset({"true", "1"})
_NOT_THERE = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed", "416", "InvalidRange"})
_CONNECTIONS = 20


def connect(bucket: str, environ: Mapping[str, str] = os.environ) -> S3Bucket:
    """A bucket, by the credentials in the environment. Raises InvalidArgument for a malformed variable."""
    from botocore.config import Config
    from botocore.session import get_session

    style = environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE")
    config = Config(
        signature_version="s3v4",
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "max_attempts": 6},
        s3={"addressing_style": style} if style else None,
    )
    client = get_session().create_client(
        "s3",
        endpoint_url=environ.get("MLFLOW_S3_ENDPOINT_URL") or None,
        verify=False if environ.get("MLFLOW_S3_IGNORE_TLS", "").lower() in _TRUE else None,
        config=config,
    )
    return S3Bucket(client, bucket, _extra(environ))


def _extra(environ: Mapping[str, str]) -> dict[str, Any]:
    name = "MLFLOW_S3_UPLOAD_EXTRA_ARGS"
    try:
        extra = json.loads(environ.get(name) or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidArgument(f"{name} is not a JSON object of what to add to each upload")
    return extra


class S3Bucket:
    """See `Bucket`."""

    def __init__(self, client: Any, bucket: str, extra: Mapping[str, Any]) -> None:
        self._client = client
        self._bucket = bucket
        self._extra = extra

    def facts(self, key: str) -> StoredFile:
        """See `Bucket.facts`."""
        with _translated():
            head = self._client.head_object(Bucket=self._bucket, Key=key)
        return StoredFile(
            size_bytes=int(head["ContentLength"]), version=str(head["ETag"]), checksum=_checksum(head)
        )

    def stream(self, key: str, start: int, end: int, stored: StoredFile, take: Take) -> None:
        """See `Bucket.stream`."""
        if start == end:
            return
        import urllib3
        from botocore import exceptions

        with _translated():
            found = self._client.get_object(
                Bucket=self._bucket, Key=key, Range=f"bytes={start}-{end - 1}", IfMatch=stored.version
            )
        with contextlib.closing(found["Body"]) as body:
            while True:
                try:
                    chunk = body.read(CHUNK_BYTES)
                except (exceptions.BotoCoreError, urllib3.exceptions.HTTPError) as error:
                    raise BrokenOff from error
                if not chunk:
                    return
                take(chunk)

    def entries(self, prefix: str) -> Iterator[tuple[str, int | None]]:
        """See `Bucket.entries`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        with _translated():
            for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"], int(item["Size"])
                for item in page.get("CommonPrefixes", ()):
                    yield item["Prefix"], None

    def put(self, key: str, local_path: Path, pieces: list[Part], moved: Moved, kind: str) -> None:
        """See `Bucket.put`. The library sends a checksum with every request, which the store checks."""
        described = {"ContentType": kind, **self._extra}
        with _translated():
            if len(pieces) > 1:
                self._put_parts(key, local_path, pieces, moved, described)
                return
            with FileSlice(local_path, 0, pieces[0].end, moved) as body:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **described)

    def _put_parts(
        self, key: str, local_path: Path, pieces: list[Part], moved: Moved, described: Mapping[str, Any]
    ) -> None:
        from botocore.exceptions import ClientError

        left_id, etags = self._left_by_others(key, local_path, pieces)
        if left_id is not None:
            heard = Retractable(moved)
            try:
                self._finish_parts(key, left_id, local_path, pieces, heard, etags)
                return
            except ClientError as error:
                if _code(error) != "NoSuchUpload":
                    raise
                heard.begin_again()  # whoever began it has ended it meanwhile
        begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, **described)
        upload_id = str(begun["UploadId"])
        try:
            self._finish_parts(key, upload_id, local_path, pieces, moved, {})
        except BaseException:
            # What is left of an upload is billed.
            with contextlib.suppress(Exception):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            raise

    def _finish_parts(
        self,
        key: str,
        upload_id: str,
        local_path: Path,
        pieces: list[Part],
        moved: Moved,
        etags: dict[int, str],
    ) -> None:
        moved(sum(part.size_bytes for part in pieces if part.number in etags))
        put_part = partial(self._put_part, key, upload_id, local_path, etags)
        run_all([partial(put_part, part, moved) for part in pieces if part.number not in etags])
        chosen = [{"PartNumber": number, "ETag": etag} for number, etag in sorted(etags.items())]
        self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": chosen}
        )

    def _put_part(
        self, key: str, upload_id: str, local_path: Path, etags: dict[int, str], part: Part, moved: Moved
    ) -> None:
        named = {"Bucket": self._bucket, "Key": key, "UploadId": upload_id, "PartNumber": part.number}
        with FileSlice(local_path, part.start, part.end, moved) as body:
            etags[part.number] = str(self._client.upload_part(Body=body, **named)["ETag"])

    def _left_by_others(
        self, key: str, local_path: Path, pieces: list[Part]
    ) -> tuple[str | None, dict[int, str]]:
        """An upload of the same content that a killed process left, and the tags of what it sent.

        Every part of it must be, by its MD5, what this file has there. Nothing where that is not sure: where
        listing is not allowed, the store encrypts with keys of its own, or the sizes of the parts differ.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            begun = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key).get("Uploads", ())
            for upload in begun:
                if upload["Key"] == key:
                    etags = self._matching(key, str(upload["UploadId"]), local_path, pieces)
                    if etags:
                        return str(upload["UploadId"]), etags
        except (BotoCoreError, ClientError):
            pass
        return None, {}

    def _matching(self, key: str, upload_id: str, local_path: Path, pieces: list[Part]) -> dict[int, str]:
        by_number = {part.number: part for part in pieces}
        etags: dict[int, str] = {}
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._bucket, Key=key, UploadId=upload_id
        )
        for page in pages:
            for item in page.get("Parts", ()):
                part = by_number.get(int(item["PartNumber"]))
                if part is None or part.size_bytes != int(item["Size"]):
                    return {}
                md5 = checksums.digest(local_path, "md5", part.start, part.end).hex()
                if str(item["ETag"]).strip('"') != md5:
                    return {}
                etags[part.number] = str(item["ETag"])
        return etags


def _checksum(head: Mapping[str, Any]) -> Checksum | None:
    """The MD5, which the tag is for objects put in one piece and not encrypted with keys of one's own."""
    tag = str(head["ETag"]).strip('"')
    is_keyed = "aws:kms" in str(head.get("ServerSideEncryption", "")) or "SSECustomerAlgorithm" in head
    if is_keyed or len(tag) != 32:
        return None
    try:
        return Checksum("md5", bytes.fromhex(tag))
    except ValueError:
        return None


def _code(error: Any) -> str:
    """S3's code for a ClientError."""
    return str(error.response.get("Error", {}).get("Code"))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in _NOT_THERE:
            raise NotThere from error
        if code in _CHANGED:
            raise Changed from error
        raise


def _conforms(bucket: S3Bucket) -> Bucket:
    return bucket


__all__ = ["S3Bucket", "connect"]
