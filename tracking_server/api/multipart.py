"""Uploads in parts behind the proxy, as MLflow's client makes them of large files.

The client asks where each part goes, puts them there in parallel, and says when they are all there. They go
to the object store itself, with what the server signs; or, where artifacts are in a directory, to this server
again, with the same authorization as every other request.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import PurePosixPath

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import codec
from tracking_server.api.bodies import limited_body
from tracking_server.api.codec import Int64, required
from tracking_server.api.routing import MAX_JSON_BYTES, Endpoint, Raw, Rpc
from tracking_server.api.transfers import ask, receive
from tracking_server.artifacts.local_multipart import LocalMultipart, PartWriter
from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.protocol import MAX_PARTS, Part, Signed, SignedTransfers
from tracking_server.errors import InvalidParameter, NotSupported
from tracking_server.services import Services

UNSUPPORTED = "Multipart upload is not supported for the current artifact repository"
"""How the message begins by which MLflow's client knows that it must send the file in one piece."""

_PART_NUMBER = re.compile(r"[0-9]{1,5}")


class Create(msgspec.Struct):
    """mpu/create; `path` is the client's local file, whose name the artifact gets."""

    path: str | None = None
    num_parts: Int64 = 1


class SentPart(msgspec.Struct):
    """A part as the client tells of it."""

    part_number: Int64 | None = None
    etag: str = ""


class Complete(msgspec.Struct):
    """mpu/complete"""

    artifact_path: str = ""
    path: str | None = None
    upload_id: str = ""
    parts: list[SentPart] = []


class Abort(msgspec.Struct):
    """mpu/abort"""

    artifact_path: str = ""
    path: str | None = None
    upload_id: str = ""


async def create(services: Services, request: Request) -> Response:
    """Begin an upload in parts of a file: its id, and where each part is to be put."""
    asked = codec.decode(await _json(request), Create)
    target = _target(request.path_params["artifact_path"], asked.path)
    if not 1 <= asked.num_parts <= MAX_PARTS:
        raise InvalidParameter(f"num_parts must be between 1 and {MAX_PARTS} (got {asked.num_parts}).")
    multipart, signed = services.places.multipart, services.places.signed
    if multipart is not None:
        headers = _same_authorization(request)
        upload_id = await ask("stored", multipart.start, target, asked.num_parts)
        parts = [
            Signed(url=_part_url(request, upload_id, number), headers=headers)
            for number in range(1, asked.num_parts + 1)
        ]
    elif signed is not None:
        upload_id, found = await ask("stored", signed.start, target, asked.num_parts)
        parts = list(found)
    else:
        raise NotSupported(UNSUPPORTED)
    credentials = [
        {"url": part.url, "part_number": number, "headers": part.headers}
        for number, part in enumerate(parts, start=1)
    ]
    return Response(
        codec.encode({"upload_id": upload_id, "credentials": credentials}), media_type="application/json"
    )


async def put_part(services: Services, request: Request) -> Response:
    """Store the request's body as a part of an upload."""
    multipart = services.places.multipart
    if multipart is None:
        raise NotSupported(UNSUPPORTED)
    upload_id, number = request.path_params["upload_id"], request.path_params["part_number"]
    if not _PART_NUMBER.fullmatch(number):
        raise InvalidParameter(f"'{number[:100]}' is no number of a part")
    writer = await receive(request, lambda: multipart.open_part(upload_id, int(number)))
    assert isinstance(writer, PartWriter)
    return Response(codec.encode({}), media_type="application/json", headers={"ETag": f'"{writer.etag}"'})


async def complete(services: Services, request: Complete) -> object:
    """Make the file of the parts that were put."""
    target = _target(request.artifact_path, request.path)
    upload_id = str(required(request.upload_id, "upload_id"))
    told = required(request.parts or None, "parts")
    if len(told) > MAX_PARTS:
        raise InvalidParameter(f"An upload has at most {MAX_PARTS} parts (got {len(told)}).")
    parts = [
        Part(number=int(required(part.part_number, "parts.part_number")), etag=part.etag) for part in told
    ]
    await ask("stored", _uploads(services).finish, target, upload_id, parts)
    return {}


async def abort(services: Services, request: Abort) -> object:
    """Forget an upload in parts."""
    target = _target(request.artifact_path, request.path)
    upload_id = str(required(request.upload_id, "upload_id"))
    await ask("stored", _uploads(services).cancel, target, upload_id)
    return {}


def _uploads(services: Services) -> LocalMultipart | SignedTransfers:
    uploads = services.places.multipart or services.places.signed
    if uploads is None:
        raise NotSupported(UNSUPPORTED)
    return uploads


def _target(directory: str, local_file: str | None) -> str:
    """The artifact's path: the directory of the URL and the name of the client's file."""
    name = PurePosixPath(str(required(local_file, "path")).replace("\\", "/")).name
    target = safe_path(f"{safe_path(directory)}/{name}".lstrip("/"))
    if not name or name == "..":
        raise InvalidParameter("Invalid path: it names no file")
    return target


def _part_url(request: Request, upload_id: str, number: int) -> str:
    return f"{_scheme(request)}://{request.headers['host']}{_PARTS}/{upload_id}/{number}"


def _scheme(request: Request) -> str:
    """How the client speaks to whatever ends TLS before this server. It can fool nobody but itself."""
    told = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" if "https" in (told, request.url.scheme) else "http"


def _same_authorization(request: Request) -> dict[str, str]:
    """What the client must send with each part, which it sends with these headers only: what it sent now.

    Over a wire that others may read, and where TLS may end before this server without a word of it, no token
    is made to travel: there the client is told to send the file in one piece. Raises NotSupported.
    """
    shown = request.headers.get("authorization")
    if shown is None:
        return {}
    if _scheme(request) == "http" and not _is_loopback(request.url.hostname or ""):
        raise NotSupported(f"{UNSUPPORTED} without TLS, since this server demands a token")
    return {"Authorization": shown}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _json(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise InvalidParameter("Bad Request. Content-Type should be application/json.")
    return await limited_body(request, MAX_JSON_BYTES)


_MPU = "/mlflow-artifacts/mpu"
_PARTS = f"/api/2.0{_MPU}/part"

ENDPOINTS: list[Endpoint] = [
    Raw(method="POST", path=_MPU + "/create/{artifact_path:path}", handle=create),
    Raw(method="PUT", path=_MPU + "/part/{upload_id}/{part_number}", handle=put_part),
    Rpc(method="POST", path=_MPU + "/complete/{artifact_path:path}", request=Complete, handle=complete),
    Rpc(method="POST", path=_MPU + "/abort/{artifact_path:path}", request=Abort, handle=abort),
]
