"""From an artifact URI to the root that serves it.

mlflow-artifacts:/path                                        the tracking server
/path  file:///path                                           a directory that this program sees
s3://bucket/path                                              extra s3
gs://bucket/path                                              extra gcs
wasbs://container@account.blob.core.windows.net/path          extra azure
abfss://container@account.dfs.core.windows.net/path           extra azure, the same blobs
"""

from __future__ import annotations

import os
import re
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from tracking_client.artifact_stores.bucket import Bucket, BucketRoot
from tracking_client.artifact_stores.directory import DirectoryRoot
from tracking_client.artifact_stores.proxied import ProxiedRoot
from tracking_client.artifact_stores.root import ArtifactRoot
from tracking_client.errors import ArtifactError
from tracking_client.transport import Transport, transport_for

_KINDS = {"s3": "s3", "gs": "gcs", "wasb": "azure", "wasbs": "azure", "abfs": "azure", "abfss": "azure"}
_LIBRARIES = {"s3": "botocore", "gcs": "google.cloud.storage", "azure": "azure.storage.blob"}
_AZURE_HOST = re.compile(r"(?P<account>[a-z0-9]{3,24})\.(?:blob|dfs)\.(?P<suffix>[a-z0-9.\-]+)")
_BUCKET = re.compile(r"[\w.\-$]{1,255}")


def artifact_root(uri: str, transport: Transport) -> ArtifactRoot:
    """The root that `uri` names: of a run, a logged model, or any directory of artifacts.

    Nothing is connected to yet. Raises ArtifactError for a scheme not known here, or whose library lacks.
    """
    parts = urlsplit(uri)
    if parts.scheme == "mlflow-artifacts":
        return ProxiedRoot(unquote(parts.path).strip("/"), _proxy_transport(parts.netloc, transport))
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost"):
        return DirectoryRoot(Path(os.path.abspath(unquote(parts.path) if parts.scheme else uri)))
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        raise _unreachable(parts, "this client knows directories, s3://, gs://, wasbs:// and abfss://;")
    if not _is_installed(_LIBRARIES[kind]):
        raise _unreachable(
            parts, f"install what it needs with the extra runner[{kind}], and have credentials for it;"
        )
    return _bucket_root(kind, parts)


def _bucket_root(kind: str, parts: SplitResult) -> BucketRoot:
    path = "/".join(part for part in parts.path.split("/") if part)
    if parts.query or parts.fragment or parts.password is not None:
        raise _malformed(parts, "it holds a password, a query or a fragment")
    if kind == "azure":
        container, _, host = parts.netloc.partition("@")
        found = _AZURE_HOST.fullmatch(host.lower())
        if found is None or not _BUCKET.fullmatch(container):
            raise _malformed(parts, "write it as wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH")
        blob_host = f"{found['account']}.blob.{found['suffix']}"
        return BucketRoot(path, f"{container}@{host}", partial(_azure, container, blob_host))
    if not _BUCKET.fullmatch(parts.netloc):
        raise _malformed(parts, "it names no bucket")
    connect = partial(_s3 if kind == "s3" else _gcs, parts.netloc)
    return BucketRoot(path, f"{parts.scheme}://{parts.netloc}", connect)


def _s3(bucket: str) -> Bucket:
    from tracking_client.artifact_stores import s3

    return s3.connect(bucket)


def _gcs(bucket: str) -> Bucket:
    from tracking_client.artifact_stores import gcs

    return gcs.connect(bucket)


def _azure(container: str, host: str) -> Bucket:
    from tracking_client.artifact_stores import azure

    return azure.connect(container, host)


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:  # a package above it lacks
        return False


def _unreachable(parts: SplitResult, remedy: str) -> ArtifactError:
    where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    return ArtifactError(
        f"artifacts at {where} cannot be reached from here: {remedy} or start the tracking server with "
        f"--artifacts-destination {parts.scheme}://… so that it serves them itself",
        uri=where,
    )


def _malformed(parts: SplitResult, problem: str) -> ArtifactError:
    where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    return ArtifactError(f"the artifact URI {where} is malformed: {problem}", uri=where)


def _proxy_transport(netloc: str, transport: Transport) -> Transport:
    url = urlsplit(transport.connection.url)
    if not netloc or netloc == url.netloc:
        return transport
    return transport_for(f"{url.scheme}://{netloc}")


__all__ = ["artifact_root"]
