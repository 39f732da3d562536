"""Where a data set comes from. Types and fields are those that MLflow records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any
from urllib.parse import urlsplit

from tracking_client import provenance
from tracking_client.errors import InvalidArgument

_LOCAL = ("", "file")
_WEB = ("http", "https")
_STORES = ("s3", "gs", "wasbs", "abfss", "hdfs", "viewfs", "ftp", "sftp", "b2", "r2")


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A source: its type, such as "local", "s3", "http" or "code", and what identifies it."""

    source_type: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """What identifies the source, as a plain dict."""
        return dict(self.fields)

    def to_json(self) -> str:
        """The same as a JSON text, which is what a server keeps."""
        return json.dumps(self.to_dict())


def HTTPDatasetSource(url: str) -> DatasetSource:  # noqa: N802  # MLflow's name, a class there
    """The source of what is read from an http(s) address."""
    return DatasetSource("http", {"url": url})


def resolved_source(source: DatasetSource | str | PathLike[str] | None) -> DatasetSource:
    """The source that a path or URI names; without one the program itself, by its user, script and commit.

    Raises InvalidArgument for a URI of a kind that MLflow's `mlflow.data` knows no source for.
    """
    if source is None:
        return DatasetSource("code", {"tags": provenance.default_tags()})
    if isinstance(source, DatasetSource):
        return source
    if not isinstance(source, (str, PathLike)):
        raise _unknown(source)
    uri = fspath(source)
    scheme = urlsplit(uri).scheme
    if scheme in _LOCAL:
        return DatasetSource("local", {"uri": uri})
    if scheme in _WEB:
        return HTTPDatasetSource(uri)
    if scheme in _STORES:
        return DatasetSource(scheme, {"uri": uri})
    raise _unknown(uri)


def _unknown(source: object) -> InvalidArgument:
    known = ", ".join(f"{scheme}:" for scheme in (*_LOCAL[1:], *_WEB, *_STORES))
    return InvalidArgument(
        f"Could not find a source information resolver for the specified dataset source: {source!s:.200}. "
        f"It is a path or a URI of {known}; for any other give a DatasetSource"
    )


__all__ = ["DatasetSource", "HTTPDatasetSource", "resolved_source"]
