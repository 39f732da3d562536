"""From an artifact URI to the store that serves it.

The server reads and writes two places only: what `--artifacts-destination` names, behind
`mlflow-artifacts:` URIs, and `--default-artifact-root` where that is a directory of this machine. Clients
choose artifact locations freely; a location elsewhere is theirs to read, and never opened by the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.protocol import ArtifactStore
from tracking_server.errors import InvalidParameter, NotSupported, StartRefused
from tracking_server.settings import Settings

PROXY_SCHEME = "mlflow-artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A directory of a store: where the artifacts of one run or one logged model are."""

    store: ArtifactStore
    prefix: str

    def path(self, inside: str) -> str:
        """The store's path of `inside`, which is relative to this place. Raises InvalidParameter."""
        relative = safe_path(inside)
        return "/".join(part for part in (self.prefix, relative) if part)


class Places:
    """The stores of one server. Immutable after construction; thread-safe."""

    def __init__(self, settings: Settings) -> None:
        destination = _local_directory(settings.artifacts_destination)
        if destination is None:
            raise StartRefused(
                f"--artifacts-destination {settings.artifacts_destination}: only directories of this machine "
                "are supported. Give a path, or let clients write to the store themselves with "
                "--default-artifact-root."
            )
        self._proxied: ArtifactStore | None = (
            LocalArtifacts(destination) if settings.serve_artifacts else None
        )
        root = None
        if settings.default_artifact_root is not None:
            root = _local_directory(settings.default_artifact_root)
        elif not settings.serve_artifacts:
            root = destination
        self._root = root

    @property
    def proxied(self) -> ArtifactStore:
        """The store behind the proxy endpoints. Raises NotSupported under --no-serve-artifacts."""
        if self._proxied is None:
            raise NotSupported(
                "This server was started with --no-serve-artifacts: it does not proxy artifacts."
            )
        return self._proxied

    def of(self, artifact_uri: str) -> Place:
        """Where `artifact_uri` leads. Raises InvalidParameter where this server may not look."""
        parts = urlsplit(artifact_uri)
        if parts.scheme == PROXY_SCHEME and not parts.netloc:
            return Place(store=self.proxied, prefix=safe_path(parts.path.lstrip("/")))
        directory = _local_directory(artifact_uri)
        if directory is not None and self._root is not None:
            try:
                prefix = directory.relative_to(self._root).as_posix()
            except ValueError:
                pass
            else:
                return Place(store=LocalArtifacts(self._root), prefix=safe_path(prefix))
        raise InvalidParameter(
            f"The artifacts of '{artifact_uri[:300]}' are not served by this server: read them there."
        )


def _local_directory(uri: str) -> Path | None:
    """The directory that a path or a file: URI names; None for every other scheme."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path)).absolute()
    if not parts.scheme:
        return Path(uri).absolute()
    return None
