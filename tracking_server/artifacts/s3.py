"""Amazon S3 and what speaks its protocol, through s3fs (extra `s3`).

Credentials and region are found as by every program of AWS's libraries (environment, profile, role). Beside
`AWS_ENDPOINT_URL`, MLflow's own variables are read: `MLFLOW_S3_ENDPOINT_URL`, `MLFLOW_S3_IGNORE_TLS`,
`MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE` and `MLFLOW_S3_UPLOAD_EXTRA_ARGS`.
Calls: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tracking_server.artifacts.bucket import Bucket, Page, Upload
from tracking_server.artifacts.calls import NotThere
from tracking_server.artifacts.protocol import FileFacts, Part, Signed
from tracking_server.errors import InvalidParameter, Unavailable

PART_BYTES = 8 * 1024 * 1024
_PARTS_OF_ONE_SIZE = 2000
_CONNECT_TIMEOUT_S = 10
# Every call has a deadline of its own. A shorter limit here would send the end of a large upload again, for
# which the store takes long; and the second time it is refused, for being done.
_READ_TIMEOUT_S = 600
_TRUE = frozenset({"true", "1"})
_WRONG_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"})


def connect(bucket: str, environ: Mapping[str, str] = os.environ) -> S3Bucket:
    """A bucket, by the credentials in the environment. Raises ValueError where a variable is malformed."""
    import s3fs

    extra = json.loads(environ.get("MLFLOW_S3_UPLOAD_EXTRA_ARGS") or "{}")
    style = environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE")
    config: dict[str, Any] = {
        "signature_version": "s3v4",
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "read_timeout": _READ_TIMEOUT_S,
    }
    if style:
        config["s3"] = {"addressing_style": style}
    client: dict[str, Any] = {}
    if environ.get("MLFLOW_S3_IGNORE_TLS", "").lower() in _TRUE:
        client["verify"] = False
    filesystem = s3fs.S3FileSystem(
        endpoint_url=environ.get("MLFLOW_S3_ENDPOINT_URL") or None,
        config_kwargs=config,
        client_kwargs=client,
        s3_additional_kwargs=extra,
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    return S3Bucket(filesystem, bucket, extra)


class S3Bucket:
    """See `Bucket`."""

    reading_is_certain = True

    def __init__(self, filesystem: Any, bucket: str, extra: Mapping[str, Any]) -> None:
        self._filesystem = filesystem
        self._bucket = bucket
        self._extra = extra

    async def call(self, method: str, **arguments: Any) -> Any:
        """One request of S3's interface about this bucket. Raises as s3fs does."""
        return await self._filesystem._call_s3(method, Bucket=self._bucket, **arguments)

    def part_bytes(self, sent: int) -> int:
        """See `Bucket.part_bytes`. Parts grow, since there are at most 10,000 of them: 240 GB in all."""
        return PART_BYTES * (1 + sent // _PARTS_OF_ONE_SIZE)

    async def facts(self, key: str) -> FileFacts:
        """See `Bucket.facts`."""
        head = await self.call("head_object", Key=key)
        return FileFacts(
            size_bytes=int(head["ContentLength"]),
            etag=str(head["ETag"]),
            modified_at_s=head["LastModified"].timestamp(),
        )

    async def read(self, key: str, start: int, end: int, facts: FileFacts) -> bytes:
        """See `Bucket.read`."""
        found = await self.call("get_object", Key=key, Range=f"bytes={start}-{end - 1}", IfMatch=facts.etag)
        async with found["Body"] as body:
            return bytes(await body.read())

    async def page(self, prefix: str, token: str | None, *, deep: bool, limit: int) -> Page:
        """See `Bucket.page`."""
        further = {} if token is None else {"ContinuationToken": token}
        grouped = {} if deep else {"Delimiter": "/"}
        found = await self.call("list_objects_v2", Prefix=prefix, MaxKeys=limit, **further, **grouped)
        return Page(
            files=[(item["Key"], int(item["Size"])) for item in found.get("Contents", ())],
            directories=[item["Prefix"] for item in found.get("CommonPrefixes", ())],
            next_token=found.get("NextContinuationToken") if found.get("IsTruncated") else None,
        )

    async def put(self, key: str, body: bytes) -> None:
        """See `Bucket.put`."""
        await self.call("put_object", Key=key, Body=body)

    async def begin(self, key: str) -> Upload:
        """See `Bucket.begin`."""
        begun = await self.call("create_multipart_upload", Key=key)
        return _S3Upload(self, key, begun["UploadId"])

    async def remove(self, keys: Sequence[str]) -> None:
        """See `Bucket.remove`."""
        for start in range(0, len(keys), 1000):
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            done = await self.call("delete_objects", Delete={"Objects": objects, "Quiet": True})
            errors = done.get("Errors")
            if errors:
                raise Unavailable(
                    f"The artifact store s3://{self._bucket} did not delete {len(errors)} objects: "
                    f"{str(errors[0].get('Code'))[:80]}."
                )

    async def sign_parts(self, key: str, count: int, lives_s: int) -> tuple[str, list[Signed]]:
        """See `Bucket.sign_parts`."""
        begun = await self.call("create_multipart_upload", Key=key)
        upload_id = str(begun["UploadId"])
        signed: list[Signed] = []
        for number in range(1, count + 1):
            arguments = {"Key": key, "UploadId": upload_id, "PartNumber": number}
            signed.append(Signed(url=await self._signed("upload_part", arguments, lives_s)))
            if number % 100 == 0:
                await asyncio.sleep(0)  # others use this loop, too
        return upload_id, signed

    async def join_parts(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.join_parts`."""
        from botocore.exceptions import ClientError

        chosen = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        try:
            await self.call(
                "complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": chosen}
            )
        except Exception as error:
            code = _code(error, ClientError)
            if code in _WRONG_PARTS:
                raise InvalidParameter(f"The store does not take the parts of this upload: {code}") from error
            if code == "NoSuchUpload":
                raise NotThere from error
            raise

    async def drop_parts(self, key: str, upload_id: str) -> None:
        """See `Bucket.drop_parts`."""
        await self.call("abort_multipart_upload", Key=key, UploadId=upload_id)

    async def sign_put(self, key: str, media_type: str, lives_s: int) -> Signed:
        """See `Bucket.sign_put`. What the settings add to every upload, the client must send as headers."""
        arguments = {"Key": key, "ContentType": media_type, **self._extra}
        headers = {"Content-Type": media_type}
        for name, value in self._extra.items():
            if name in _HEADERS:
                headers[_HEADERS[name]] = str(value)
        return Signed(url=await self._signed("put_object", arguments, lives_s), headers=headers)

    async def sign_get(self, key: str, name: str, lives_s: int) -> Signed:
        """See `Bucket.sign_get`."""
        arguments = {
            "Key": key,
            "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        }
        return Signed(url=await self._signed("get_object", arguments, lives_s))

    async def _signed(self, method: str, arguments: Mapping[str, Any], lives_s: int) -> str:
        await self._filesystem.set_session()
        client = await self._filesystem.get_s3(self._bucket)
        return str(
            await client.generate_presigned_url(
                method, Params={"Bucket": self._bucket, **arguments}, ExpiresIn=lives_s
            )
        )


_HEADERS = {
    "ACL": "x-amz-acl",
    "CacheControl": "Cache-Control",
    "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    "SSEKMSEncryptionContext": "x-amz-server-side-encryption-context",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "StorageClass": "x-amz-storage-class",
    "Tagging": "x-amz-tagging",
}


def _code(error: BaseException, kind: type[Any]) -> str | None:
    """S3's code for an error that s3fs may have translated."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, kind):
            return str(candidate.response["Error"].get("Code"))
    return None


class _S3Upload:
    """A multipart upload of ours."""

    def __init__(self, bucket: S3Bucket, key: str, upload_id: str) -> None:
        self._bucket = bucket
        self._key = key
        self._upload_id = upload_id
        self._parts: list[dict[str, object]] = []

    async def send(self, part: bytes) -> None:
        """See `Upload.send`."""
        number = len(self._parts) + 1
        sent = await self._bucket.call(
            "upload_part", Key=self._key, UploadId=self._upload_id, PartNumber=number, Body=part
        )
        done: dict[str, object] = {"PartNumber": number, "ETag": sent["ETag"]}
        done.update({name: value for name, value in sent.items() if name.startswith("Checksum")})
        self._parts.append(done)

    async def finish(self, last: bytes) -> None:
        """See `Upload.finish`."""
        if last:
            await self.send(last)
        await self._bucket.call(
            "complete_multipart_upload",
            Key=self._key,
            UploadId=self._upload_id,
            MultipartUpload={"Parts": self._parts},
        )

    async def cancel(self) -> None:
        """See `Upload.cancel`."""
        await self._bucket.call("abort_multipart_upload", Key=self._key, UploadId=self._upload_id)


def _conforms(bucket: S3Bucket) -> Bucket:
    return bucket
