"""Artifacts behind a tracking server, ours or MLflow's: `mlflow-artifacts:` URIs."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tracking_client.artifact_stores import atomic, multipart, parts, ranged
from tracking_client.artifact_stores.checksums import StoredFile
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.names import base_name, joined
from tracking_client.artifact_stores.ranged import BrokenOff, Changed, Take
from tracking_client.artifact_stores.root import ArtifactRoot, Moved, Retractable, unheard
from tracking_client.errors import ApiError, ArtifactError
from tracking_client.transport import Transport
from tracking_client.wire.entities import FileInfo

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_ATTEMPTS = 3
_PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class ProxiedRoot:
    """A run's artifacts behind the tracking server's proxy."""

    def __init__(self, prefix: str, transport: Transport) -> None:
        self._prefix = prefix
        self._transport = transport
        self._uploads = multipart.Uploads(transport)

    def put(self, local_path: Path, path: str, moved: Moved = unheard) -> None:
        """Streams the file as it is now, a large one in parts where the server takes parts."""
        size_bytes = local_path.stat().st_size
        pieces = parts.of_upload(size_bytes)
        if len(pieces) > 1 and self._uploads.put(local_path, joined(self._prefix, path), pieces, moved):
            return
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        heard = Retractable(moved)

        def body() -> FileSlice:
            heard.begin_again()
            return FileSlice(local_path, 0, size_bytes, heard)

        with self._transport.send("PUT", self._url(path), headers=headers, make_body=body):
            pass

    def entries(self, path: str) -> list[FileInfo]:
        """One level of the listing."""
        reply = self._transport.call("GET", _PROXY, query={"path": joined(self._prefix, path)})
        found = [FileInfo.from_wire(item) for item in reply.get("files") or ()]
        # The names come from the server: nothing that it says may lead out of the directory asked for.
        named = [FileInfo(joined(path, base_name(item.path)), item.is_dir, item.file_size) for item in found]
        return sorted(named, key=lambda item: item.path)

    def get(self, path: str, local_path: Path, moved: Moved = unheard) -> None:
        """Fetches the file in ranges where the server has them.

        A server without them (MLflow's before an object store) sends everything again where one breaks.
        """
        for _ in range(_ATTEMPTS):
            heard = Retractable(moved)
            try:
                self._fetch(path, local_path, heard)
                return
            except (BrokenOff, Changed):
                heard.begin_again()
        raise ArtifactError(f"the download of {path} broke off {_ATTEMPTS} times", uri=path)

    def _fetch(self, path: str, local_path: Path, moved: Moved) -> None:
        asked = {"Range": f"bytes=0-{parts.first_range() - 1}"}
        try:
            with self._transport.send("GET", self._url(path), headers=asked, stream=True) as response:
                stored = _described(response)
                if stored is not None:
                    source = _Ranges(self._transport, self._url(path), stored, response)
                    ranged.fetch(source, local_path, moved, what=path)
                    return
                if response.status != 206:
                    _take_whole(response, local_path, moved)
                    return
        except ApiError as error:
            if error.status != 416:  # an empty file has no first byte
                raise
        with self._transport.send("GET", self._url(path), stream=True) as response:
            _take_whole(response, local_path, moved)

    def _url(self, path: str) -> str:
        return f"{_PROXY}/{joined(self._prefix, path)}"


class _Ranges:
    """One version of a file behind a server that has ranges. `first` is the answer that told of it."""

    def __init__(self, transport: Transport, url: str, stored: StoredFile, first: BaseHTTPResponse) -> None:
        self.stored = stored
        self._transport = transport
        self._url = url
        self._first: BaseHTTPResponse | None = first
        self._lock = threading.Lock()

    def stream(self, start: int, end: int, take: Take) -> None:
        """See `Source.stream`."""
        if start == 0:
            with self._lock:
                first, self._first = self._first, None
            if first is not None:
                _read(first, take)
                return
        headers = {"Range": f"bytes={start}-{end - 1}", "If-Range": self.stored.version}
        with self._transport.send("GET", self._url, headers=headers, stream=True) as response:
            cut = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if response.status != 206 or cut is None or int(cut[1]) != start:
                raise Changed
            if int(cut[3]) != self.stored.size_bytes or response.headers.get("ETag") != self.stored.version:
                raise Changed
            _read(response, take)


def _described(response: BaseHTTPResponse) -> StoredFile | None:
    """The file of which this is the first range; None where further ones could be of another version."""
    cut = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    version = response.headers.get("ETag", "")
    if response.status != 206 or cut is None or int(cut[1]) != 0:
        return None
    if not version or version.startswith("W/"):
        return None
    return StoredFile(size_bytes=int(cut[3]), version=version)


def _take_whole(response: BaseHTTPResponse, local_path: Path, moved: Moved) -> None:
    with atomic.new_file(local_path) as out:

        def take(chunk: bytes) -> None:
            atomic.write_all(out, chunk)
            moved(len(chunk))

        _read(response, take)


def _read(response: BaseHTTPResponse, take: Take) -> None:
    """Hands on a whole body. Raises BrokenOff where less comes than was announced."""
    import urllib3

    while True:
        try:
            # What is there, and not a whole chunk: of one that breaks off nothing would be left.
            chunk = response.read1(atomic.CHUNK_BYTES)
        except urllib3.exceptions.HTTPError as error:
            raise BrokenOff from error
        if not chunk:
            return
        take(chunk)


def _conforms(root: ProxiedRoot, source: _Ranges) -> tuple[ArtifactRoot, ranged.Source]:
    return root, source


__all__ = ["ProxiedRoot"]
