"""Into a running server of ours, by its own import endpoint and its artifact proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tracking_client.errors import ApiError, TrackingError
from tracking_client.tracking_uri import parse
from tracking_client.transport import Transport
from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.importing.protocols import Body, Target, TargetError
from tracking_server.importing.records import Record, Reply

PATH = "/api/2.0/runner/import"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME = "mlflow-artifacts:"


class ServerTarget:
    """A server of ours. Raises TargetError where it does not answer or is another's."""

    def __init__(self, uri: str, environ: Mapping[str, str]) -> None:
        try:
            self._transport = Transport(parse(uri), environ=environ)
        except TrackingError as error:
            raise TargetError(str(error)) from error
        self.absorb([])

    def absorb(self, records: Sequence[Record]) -> Reply:
        """See `Target.absorb`."""
        try:
            reply = self._transport.call("POST", PATH, body={"records": msgspec.to_builtins(list(records))})
        except TrackingError as error:
            if isinstance(error, ApiError) and error.status in (404, 405):
                raise TargetError(
                    "the target is a server that cannot import: it must be one of ours"
                ) from error
            raise TargetError(str(error)) from error
        return msgspec.convert(reply, Reply)

    def entries(self, artifact_uri: str, directory: str) -> Iterator[ArtifactInfo]:
        """See `Target.entries`."""
        path = "/".join(part for part in (_proxied(artifact_uri), directory) if part)
        try:
            reply = self._transport.call("GET", PROXY, query={"path": path})
        except TrackingError as error:
            raise OSError(str(error)) from error
        for file in reply.get("files", []):
            inside = "/".join(part for part in (directory, file["path"]) if part)
            yield ArtifactInfo(path=inside, is_dir=file["is_dir"], file_size=file.get("file_size"))

    def put(self, artifact_uri: str, path: str, body: Body) -> None:
        """See `Target.put`. Without retries in the middle: the body can be read once."""
        url = f"{PROXY}/{_proxied(artifact_uri)}/{path}"
        sent = _Sent(body)
        try:
            with self._transport.send("PUT", url, make_body=sent.once):
                pass
        except TrackingError as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        """See `Target.close`."""
        self._transport.close()


class _Sent:
    """A body as the transport takes it."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._begun = False

    def once(self) -> _Sent:
        """This body. Raises OSError where another attempt wants it: what was read does not come back."""
        if self._begun:
            raise OSError("the upload was cut; run the import again")
        self._begun = True
        return self

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes; the transport always says how many."""
        return self._body.read(size)

    def close(self) -> None:
        """The tree closes what it opened."""


def _proxied(artifact_uri: str) -> str:
    if not artifact_uri.startswith(_SCHEME):
        raise OSError(f"the target's artifacts at {artifact_uri[:200]} do not go through it")
    return artifact_uri.removeprefix(_SCHEME).strip("/")


def _conforms(target: ServerTarget) -> Target:
    return target
