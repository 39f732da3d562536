"""Where artifacts are: from a path or URI that the server was started with to the store behind it.

/data/artifacts  file:///data/artifacts                     a directory of this machine
s3://bucket/path                                            extra s3
gs://bucket/path                                            extra gcs
wasbs://container@account.blob.core.windows.net/path        extra azure
abfss://container@account.dfs.core.windows.net/path         extra azure, the same blobs
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tracking_server.artifacts.bucket import Bucket
from tracking_server.artifacts.calls import Calls
from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.objects import ObjectStore
from tracking_server.artifacts.protocol import ArtifactStore, SignedTransfers

_KINDS = {"s3": "s3", "gs": "gcs", "wasbs": "azure", "wasb": "azure", "abfss": "azure", "abfs": "azure"}
_LIBRARIES = {"s3": "s3fs", "gcs": "gcsfs", "azure": "adlfs"}
_AZURE_HOST = re.compile(
    r"(?P<account>[a-z0-9]{3,24})\.(?:blob|dfs)\.(?P<suffix>[a-z0-9.\-]+)", re.IGNORECASE
)
_BUCKET = re.compile(r"[\w.\-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """One place: `kind` is `local`, `s3`, `gcs` or `azure`.

    `root` is a directory, a bucket, or a container; `host` the account's blob service, for Azure only. `path`
    is below the root, without slashes at its ends; directories have none, being the root.
    """

    kind: str
    root: str
    host: str = ""
    path: str = ""

    @property
    def where(self) -> str:
        """The place in messages."""
        if self.kind == "azure":
            return f"{self.root}@{self.host}"
        return self.root if self.kind == "local" else f"{'gs' if self.kind == 'gcs' else 's3'}://{self.root}"

    @property
    def missing(self) -> str | None:
        """What is to be installed before the place can be reached; None where nothing is."""
        if self.kind == "local" or find_spec(_LIBRARIES[self.kind]) is not None:
            return None
        return f"{_LIBRARIES[self.kind]} is not installed. Install it: pip install {_LIBRARIES[self.kind]}"

    def inside(self, outer: Location) -> str | None:
        """The path of this place below `outer`; None where it is elsewhere."""
        if self.kind != outer.kind:
            return None
        if self.kind == "local":
            mine, theirs = Path(self.root), Path(outer.root)
            return mine.relative_to(theirs).as_posix() if mine.is_relative_to(theirs) else None
        if (self.root, self.host) != (outer.root, outer.host):
            return None
        if not outer.path or self.path == outer.path:
            return self.path[len(outer.path) :]
        return self.path[len(outer.path) + 1 :] if self.path.startswith(f"{outer.path}/") else None


def parse(uri: str) -> Location | None:
    """The place that a path or URI names; None where no store here can be at such a place.

    Raises ValueError where the URI is malformed or holds credentials.
    """
    parts = urlsplit(uri)
    if not parts.scheme:
        return Location(kind="local", root=str(Path(uri).absolute()))
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Location(kind="local", root=str(Path(unquote(parts.path)).absolute()))
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        return None
    if parts.query or parts.fragment or parts.password is not None or parts.port is not None:
        raise ValueError(
            "it must hold no password, port, query or fragment: credentials are read from the environment"
        )
    root, host = _azure(parts.netloc) if kind == "azure" else (parts.netloc, "")
    if not _BUCKET.fullmatch(root):
        raise ValueError(f"'{root}' cannot be the name of a bucket")
    path = "/".join(part for part in parts.path.split("/") if part)
    return Location(kind=kind, root=root, host=host, path=path)


def _azure(netloc: str) -> tuple[str, str]:
    container, separator, host = netloc.partition("@")
    found = _AZURE_HOST.fullmatch(host)
    if not separator or found is None:
        raise ValueError(
            "write it as wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH or "
            "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"
        )
    return container, f"{found['account']}.blob.{found['suffix']}".lower()


def misconfigured(location: Location, environ: Mapping[str, str] = os.environ) -> str | None:
    """What in the environment contradicts a place, so that it could never be reached; else None."""
    if location.kind == "azure":
        named = re.search(r"AccountName=([^;]+)", environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
        account = location.host.partition(".")[0]
        if named is not None and named[1].lower() != account:
            return f"AZURE_STORAGE_CONNECTION_STRING is for account '{named[1]}', and not for '{account}'"
    return None


def open_store(location: Location, deadline_s: float) -> tuple[ArtifactStore, SignedTransfers | None]:
    """The store at a place, and what it can sign; nothing is connected to yet."""
    if location.kind == "local":
        return LocalArtifacts(Path(location.root)), None
    store = ObjectStore(
        location.path, Calls(where=location.where, deadline_s=deadline_s), lambda: _connect(location)
    )
    return store, store


def _connect(location: Location) -> Bucket:
    # Each of these libraries takes a second to load and 60 MB to keep.
    if location.kind == "s3":
        from tracking_server.artifacts import s3

        return s3.connect(location.root)
    if location.kind == "gcs":
        from tracking_server.artifacts import gcs

        return gcs.connect(location.root)
    from tracking_server.artifacts import azure

    return azure.connect(location.root, location.host)
