"""Artifacts in a directory of this machine, as an import reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.errors import ServerError
from tracking_server.importing.protocols import Body, NotItsOwn, Tree


def local_directory(artifact_uri: str, proxied: Path | None) -> Path | None:
    """The directory an artifact URI leads to; None where that is another machine, or nobody said where."""
    try:
        parts = urlsplit(artifact_uri)
    except ValueError:
        return None
    if parts.scheme == "mlflow-artifacts":
        if proxied is None:
            return None
        try:
            return proxied / safe_path(unquote(parts.path).lstrip("/"))
        except ServerError:
            return None
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path)).absolute()
    if not parts.scheme and artifact_uri:
        return Path(artifact_uri).absolute()
    return None


def own_tree(directory: Path, owner_id: str) -> LocalTree:
    """The artifacts of a run or logged model in `directory`. Raises NotItsOwn where that is another's.

    What MLflow makes is always …/<id>/artifacts: whoever wrote a directory or database that somebody else
    imports must not have that one's other files published.
    """
    if directory.resolve().parts[-2:] != (owner_id, "artifacts"):
        raise NotItsOwn(f"{directory} is not a directory …/{owner_id}/artifacts: it was not copied")
    return LocalTree(directory)


class LocalTree:
    """A directory; links that lead out of it are left out, as everywhere."""

    def __init__(self, root: Path) -> None:
        self._files = LocalArtifacts(root)

    def entries(self, directory: str) -> Iterator[ArtifactInfo]:
        """See `Tree.entries`."""
        return self._files.entries(directory)

    @contextmanager
    def open(self, path: str) -> Iterator[Body]:
        """See `Tree.open`."""
        try:
            body, _ = self._files.open_reader(path)
        except ServerError as error:
            raise OSError(str(error)) from error
        with closing(body):
            yield body


def _conforms(tree: LocalTree) -> Tree:
    return tree
