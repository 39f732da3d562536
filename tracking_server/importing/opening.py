"""From the URIs that a user gives to a source and a target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tracking_server.errors import StartRefused
from tracking_server.importing.protocols import Source, SourceError, Target, TargetError
from tracking_server.settings import Settings


def open_source(uri: str, *, environ: Mapping[str, str], proxied: Path | None) -> Source:
    """A server (`http(s)://`), a database (`sqlite:///…`, `postgresql://…`), or a directory `mlruns/`.

    `proxied` is where `mlflow-artifacts:` URIs of a directory or database lead. Raises SourceError.
    """
    scheme = uri.partition("://")[0] if "://" in uri else ""
    if scheme in ("http", "https"):
        from tracking_server.importing.from_server import ServerSource

        return ServerSource(uri, environ)
    if scheme and scheme != "file":
        from tracking_server.importing.from_database import DatabaseSource

        return DatabaseSource(uri, proxied=proxied)
    path = Path(unquote(urlsplit(uri).path)) if scheme else Path(uri)
    if path.is_file():
        raise SourceError(f"{uri} is a file: a database is written sqlite:///{path}")
    from tracking_server.importing.from_directory import DirectorySource

    return DirectorySource(path, proxied=proxied)


def open_target(
    uri: str, *, environ: Mapping[str, str], artifacts_destination: str, default_artifact_root: str | None
) -> Target:
    """A server of ours (`http(s)://`), or the store that the other arguments describe. Raises TargetError."""
    if uri.startswith(("http://", "https://")):
        from tracking_server.importing.to_server import ServerTarget

        return ServerTarget(uri, environ)
    from tracking_server.importing.to_store import StoreTarget

    try:
        settings = Settings(
            backend_store_uri=uri,
            artifacts_destination=artifacts_destination,
            default_artifact_root=default_artifact_root,
        )
        return StoreTarget(settings)
    except StartRefused as error:
        raise TargetError(str(error)) from error
