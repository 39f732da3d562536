"""Uploads in parts through a tracking server, by MLflow's calls `mlflow-artifacts/mpu/*`.

Where the server keeps artifacts itself, parts go to it (ours only); where it keeps them in an object store,
to the store, with URLs that the server signed. A server that offers neither says so, and the file goes in one
piece.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tracking_client.artifact_stores import checksums, signed
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.parts import Part
from tracking_client.artifact_stores.root import Moved, Retractable
from tracking_client.artifact_stores.threads import run_all
from tracking_client.errors import ApiError, ArtifactError, ConnectFailed, NotFound, TrackingError
from tracking_client.once import call_once
from tracking_client.tracking_uri import LocalStore
from tracking_client.transport import Transport

ENABLED = "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"
"""MLflow's switch. `false` sends everything in one piece, `true` in parts to servers of this machine, too."""

_MPU = "/api/2.0/mlflow-artifacts/mpu"
_OWN_PARTS = f"{_MPU}/part/"
_NOT_OFFERED = frozenset({404, 405, 501})
_SENT_TWICE = 2


@dataclass(kw_only=True)
class _Upload:
    """An upload that was begun. `addresses` and `etags` are by the number of the part."""

    directory: str
    name: str
    upload_id: str
    file: tuple[int, int, int]
    addresses: dict[int, tuple[str, dict[str, str]]]
    etags: dict[int, str] = field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """Whether the parts go to the tracking server itself."""
        return all(urlsplit(url).path.startswith(_OWN_PARTS) for url, _ in self.addresses.values())


class Uploads:
    """The uploads in parts to one place. Safe in threads.

    An upload to the server itself that failed goes on when this process puts the same file again.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._unfinished: dict[str, _Upload] = {}

    def put(self, local_path: Path, path: str, pieces: Sequence[Part], moved: Moved) -> bool:
        """Whether the file was stored so; False where the server, or its store, does not take parts."""
        wanted = os.environ.get(ENABLED, "").strip().lower()
        if wanted in ("false", "0"):
            return False
        resumed = self._resumed(local_path, path)
        if resumed is not None:
            try:
                return self._finish(resumed, local_path, path, pieces, moved)
            except NotFound:  # the server has forgotten it meanwhile
                self._forget(path)
        upload = self._begun(local_path, path, pieces)
        if upload is None:
            return False
        if upload.is_own and self._is_of_this_machine and wanted not in ("true", "1"):
            # Such a connection does not break, and joining the parts would cost more than sending them.
            self._abort(upload)
            return False
        return self._finish(upload, local_path, path, pieces, moved)

    @property
    def _is_of_this_machine(self) -> bool:
        target = self._transport.target
        return isinstance(target, LocalStore) or target.is_loopback

    def _finish(
        self, upload: _Upload, local_path: Path, path: str, pieces: Sequence[Part], moved: Moved
    ) -> bool:
        heard = Retractable(moved)
        try:
            heard(sum(part.size_bytes for part in pieces if part.number in upload.etags))
            missing = [part for part in pieces if part.number not in upload.etags]
            run_all([partial(self._send, upload, local_path, part, heard) for part in missing])
            self._complete(upload)
        except BaseException as error:
            self._keep_or_abort(upload, path)
            if isinstance(error, NotFound):
                heard.begin_again()
            if upload.is_own or upload.etags or not isinstance(error, (ConnectFailed, signed.Refused)):
                raise
            heard.begin_again()  # clients need not reach the store where the server does
            return False
        return True

    def _begun(self, local_path: Path, path: str, pieces: Sequence[Part]) -> _Upload | None:
        directory, _, name = path.rpartition("/")
        asked = {"path": name, "num_parts": len(pieces)}
        try:
            reply = self._transport.call("POST", f"{_MPU}/create/{directory}", body=asked)
        except ApiError as error:
            if error.status in _NOT_OFFERED:
                return None
            raise
        addresses = {
            int(item["part_number"]): (str(item["url"]), dict(item.get("headers") or {}))
            for item in reply.get("credentials") or ()
        }
        if set(addresses) != {part.number for part in pieces}:
            return None
        return _Upload(
            directory=directory,
            name=name,
            upload_id=str(reply.get("upload_id", "")),
            file=_identity(local_path),
            addresses=addresses,
        )

    def _forget(self, path: str) -> None:
        with self._lock:
            self._unfinished.pop(path, None)

    def _resumed(self, local_path: Path, path: str) -> _Upload | None:
        with self._lock:
            upload = self._unfinished.pop(path, None)
        return upload if upload is not None and upload.file == _identity(local_path) else None

    def _send(self, upload: _Upload, local_path: Path, part: Part, moved: Moved) -> None:
        url, headers = upload.addresses[part.number]
        if upload.is_own:
            upload.etags[part.number] = self._sent_to_server(url, local_path, part, moved)
        else:
            upload.etags[part.number] = signed.put_part(
                url, headers, local_path, part, moved, self._transport.patience
            )

    def _sent_to_server(self, url: str, local_path: Path, part: Part, moved: Moved) -> str:
        """Sends by the address that this client has for the server. The tag is a digest of the content."""
        heard = Retractable(moved)

        def body() -> FileSlice:
            heard.begin_again()
            return FileSlice(local_path, part.start, part.end, heard)

        size = {"Content-Type": "application/octet-stream", "Content-Length": str(part.size_bytes)}
        for _ in range(_SENT_TWICE):
            with self._transport.send("PUT", urlsplit(url).path, headers=size, make_body=body) as response:
                etag = response.headers.get("ETag", "")
            if etag.strip('"') == checksums.digest(local_path, "blake2b", part.start, part.end).hex():
                return etag
        raise ArtifactError(
            f"part {part.number} of {local_path} does not arrive as it is here; does the file change?",
            uri=str(local_path),
        )

    def _complete(self, upload: _Upload) -> None:
        parts = [
            {"part_number": number, "etag": etag, "url": upload.addresses[number][0]}
            for number, etag in sorted(upload.etags.items())
        ]
        told: dict[str, Any] = {"path": upload.name, "upload_id": upload.upload_id, "parts": parts}
        call_once(self._transport, "POST", f"{_MPU}/complete/{upload.directory}", told)

    def _keep_or_abort(self, upload: _Upload, path: str) -> None:
        """What a store keeps of an upload is billed; the server's own leftovers are swept after a day."""
        if upload.is_own:
            with self._lock:
                self._unfinished[path] = upload
        else:
            self._abort(upload)

    def _abort(self, upload: _Upload) -> None:
        told = {"path": upload.name, "upload_id": upload.upload_id}
        try:
            self._transport.apart(_ABORT_S, max_retries=0).call(
                "POST", f"{_MPU}/abort/{upload.directory}", body=told
            )
        except TrackingError:
            pass


_ABORT_S = 10.0


def _identity(path: Path) -> tuple[int, int, int]:
    """What changes where the file does."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


__all__ = ["ENABLED", "Uploads"]
