"""Artifacts of a run: through the tracking server (`mlflow-artifacts:`), or in a directory both can see.

Files stream, several at once; a download appears under its name only when it is complete.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from tracking_client import checks
from tracking_client.errors import ArtifactError, NotFound
from tracking_client.transport import Transport, transport_for
from tracking_client.wire.entities import FileInfo

if TYPE_CHECKING:
    from _typeshed import SupportsRead

_THREADS = 4
_BROKEN_DOWNLOADS = 3
_CHUNK_BYTES = 1 << 20
_PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_EXTRAS = {
    "s3": "s3",
    "gs": "gcs",
    "wasb": "azure",
    "wasbs": "azure",
    "abfs": "azure",
    "abfss": "azure",
}


class ArtifactRoot(Protocol):
    """Where the artifacts of one run are. Paths are relative and normalised. Safe in threads."""

    def put(self, local_path: Path, path: str) -> None:
        """Stores a file. Raises OSError, ArtifactError, ApiError or TransportError."""

    def entries(self, path: str) -> list[FileInfo]:
        """What a directory holds, sorted by path; nothing for a file or where nothing is."""

    def get(self, path: str, local_path: Path) -> None:
        """Fetches a file; `local_path` appears when it is complete. Raises NotFound and as `put`."""


def artifact_root(uri: str, transport: Transport) -> ArtifactRoot:
    """The root that a run's `artifact_uri` names. Raises ArtifactError for a scheme not known here."""
    parts = urlsplit(uri)
    if parts.scheme == "mlflow-artifacts":
        return ProxiedRoot(unquote(parts.path).strip("/"), _proxy_transport(parts.netloc, transport))
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost"):
        return DirectoryRoot(Path(os.path.abspath(unquote(parts.path) if parts.scheme else uri)))
    where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    extra = _EXTRAS.get(parts.scheme)
    direct = (
        f"direct access comes with the extra runner[{extra}] of a later version; until then " if extra else ""
    )
    raise ArtifactError(
        f"artifacts at {where} cannot be reached from here: {direct}start the tracking server with "
        f"--artifacts-destination {parts.scheme}://… so that it serves them itself",
        uri=where,
    )


def _proxy_transport(netloc: str, transport: Transport) -> Transport:
    url = urlsplit(transport.connection.url)
    if not netloc or netloc == url.netloc:
        return transport
    return transport_for(f"{url.scheme}://{netloc}")


class ProxiedRoot:
    """A run's artifacts behind the tracking server's proxy."""

    def __init__(self, prefix: str, transport: Transport) -> None:
        self._prefix = prefix
        self._transport = transport

    def put(self, local_path: Path, path: str) -> None:
        """Streams the file as it is now; what is appended meanwhile stays out."""
        size_bytes = local_path.stat().st_size
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        body = partial(_Bounded, local_path, size_bytes)
        with self._transport.send("PUT", self._url(path), headers=headers, make_body=body):
            pass

    def entries(self, path: str) -> list[FileInfo]:
        """One level of the listing."""
        reply = self._transport.call("GET", _PROXY, query={"path": _joined(self._prefix, path)})
        found = [FileInfo.from_wire(item) for item in reply.get("files") or ()]
        # The names come from the server: nothing that it says may lead out of the directory asked for.
        named = [
            FileInfo(_joined(path, _base_name(item.path)), item.is_dir, item.file_size) for item in found
        ]
        return sorted(named, key=lambda item: item.path)

    def get(self, path: str, local_path: Path) -> None:
        """Streams the file; a connection that breaks midway is tried again from the start."""
        for _ in range(_BROKEN_DOWNLOADS):
            if self._fetched(path, local_path):
                return
        raise ArtifactError(f"the download of {path} broke off {_BROKEN_DOWNLOADS} times", uri=path)

    def _fetched(self, path: str, local_path: Path) -> bool:
        """Whether the whole file arrived."""
        import urllib3

        try:
            with self._transport.send("GET", self._url(path), stream=True) as response:
                _write_atomically(local_path, response)
        except urllib3.exceptions.HTTPError:
            return False
        return True

    def _url(self, path: str) -> str:
        return f"{_PROXY}/{_joined(self._prefix, path)}"


class DirectoryRoot:
    """A run's artifacts in a directory of this machine or of a shared file system."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def local_path(self, path: str) -> Path:
        """Where the artifact is."""
        return self._directory / path if path else self._directory

    def put(self, local_path: Path, path: str) -> None:
        """Copies the file; it appears when it is complete."""
        target = self.local_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with local_path.open("rb") as source:
            _write_atomically(target, source)

    def entries(self, path: str) -> list[FileInfo]:
        """One level of the directory."""
        directory = self.local_path(path)
        if not directory.is_dir():
            return []
        children = sorted(directory.iterdir())
        return [
            FileInfo(
                _joined(path, child.name), child.is_dir(), None if child.is_dir() else child.stat().st_size
            )
            for child in children
        ]

    def get(self, path: str, local_path: Path) -> None:
        """Copies the file."""
        source = self.local_path(path)
        if not source.is_file():
            raise NotFound(f"No such artifact: '{path}'", status=404, code="RESOURCE_DOES_NOT_EXIST")
        with source.open("rb") as data:
            _write_atomically(local_path, data)


class _Bounded:
    """The first `size_bytes` of a file: a log that grows must not overrun its Content-Length."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._file = path.open("rb")
        self._left = size_bytes
        self._path = path

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        if wanted and not data:
            raise ArtifactError(f"{self._path} became shorter while it was uploaded", uri=str(self._path))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()


def put_files(root: ArtifactRoot, files: Iterable[tuple[Path, str]]) -> None:
    """Stores (local file, artifact path) pairs, several at once. Raises the first error."""
    _all_of([partial(root.put, local_path, path) for local_path, path in files])


def files_under(directory: Path, prefix: str) -> list[tuple[Path, str]]:
    """Every file below `directory` with its artifact path under `prefix`; links are followed once."""
    found = []
    for parent, subdirectories, names in os.walk(directory):
        subdirectories.sort()
        inside = Path(parent).relative_to(directory).as_posix()
        found += [
            (Path(parent, name), _joined(prefix, "" if inside == "." else inside, name))
            for name in sorted(names)
        ]
    return found


def download(root: ArtifactRoot, path: str, into: Path) -> Path:
    """Fetches the file or the whole directory `path` into `into`, keeping its path; returns where it is.

    Raises NotFound where there is no such artifact.
    """
    files = list(_walk(root, path))
    if not files:
        if not path:
            into.mkdir(parents=True, exist_ok=True)
            return into
        files = [path]
    _all_of([partial(root.get, name, _contained(into, name)) for name in files])
    return into / path if path else into


def _walk(root: ArtifactRoot, path: str) -> Iterable[str]:
    for entry in root.entries(path):
        if entry.is_dir:
            yield from _walk(root, entry.path)
        elif entry.path != path:
            yield entry.path


def _contained(directory: Path, path: str) -> Path:
    target = directory / checks.artifact_path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _all_of(tasks: list[Callable[[], None]]) -> None:
    if len(tasks) <= 1:
        for task in tasks:
            task()
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="artifacts") as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_atomically(target: Path, source: SupportsRead[bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    incomplete = target.with_name(f".{target.name[:200]}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        with incomplete.open("xb") as out:
            shutil.copyfileobj(source, out, _CHUNK_BYTES)
        incomplete.replace(target)
    except BaseException:
        incomplete.unlink(missing_ok=True)
        raise


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _base_name(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name or "\\" in name:
        raise ArtifactError(f"the server lists an artifact with the unusable name {path!r}", uri=path)
    return name


__all__ = [
    "ArtifactRoot",
    "DirectoryRoot",
    "ProxiedRoot",
    "artifact_root",
    "download",
    "files_under",
    "put_files",
]
