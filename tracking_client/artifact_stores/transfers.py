"""Many files out of a root and into it, several at once, with progress."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tracking_client.artifact_stores.directory import DirectoryRoot
from tracking_client.artifact_stores.names import contained, joined
from tracking_client.artifact_stores.progress import Progress
from tracking_client.artifact_stores.root import ArtifactRoot
from tracking_client.artifact_stores.temporary import new_directory
from tracking_client.artifact_stores.threads import run_all
from tracking_client.errors import ArtifactError, NotFound
from tracking_client.wire.entities import FileInfo

if TYPE_CHECKING:
    from os import PathLike

_DEEPEST = 100


def put_files(
    root: ArtifactRoot, files: Iterable[tuple[Path, str]], stored: Callable[[str], None] = lambda _path: None
) -> None:
    """Stores (local file, artifact path) pairs, several at once. Raises the first error.

    `stored` is told of each path that the store has then, from any thread.
    """
    pairs = list(files)

    def put(local_path: Path, path: str) -> None:
        root.put(local_path, path, progress.advance)
        stored(path)

    total_bytes = sum(path.stat().st_size for path, _ in pairs if path.exists())
    with Progress("uploading artifacts", total_bytes) as progress:
        run_all(
            [partial(put, local_path, path) for local_path, path in pairs],
            progress.stop,
        )


def files_under(directory: Path, prefix: str) -> list[tuple[Path, str]]:
    """Every file below `directory` with its artifact path under `prefix`; links are followed once."""
    found = []
    for parent, subdirectories, names in os.walk(directory):
        subdirectories.sort()
        inside = Path(parent).relative_to(directory).as_posix()
        found += [
            (Path(parent, name), joined(prefix, "" if inside == "." else inside, name))
            for name in sorted(names)
        ]
    return found


def download(root: ArtifactRoot, path: str, into: Path, *, above: str = "") -> Path:
    """Fetches the file or the whole directory `path` into `into`, keeping its path; returns where it is.

    The directory `above` that leads to it is left out of the path. Files that are there already are not
    fetched again where the store has a checksum that agrees. Raises NotFound where there is no such artifact.
    """
    files = list(walk(root, path))
    if not files:
        if not path:
            into.mkdir(parents=True, exist_ok=True)
            return into
        files = [FileInfo(path, False, None)]
    sizes = [entry.file_size for entry in files]
    total_bytes = None if None in sizes else sum(size or 0 for size in sizes)
    with Progress("downloading artifacts", total_bytes) as progress:
        run_all(
            [
                partial(root.get, entry.path, contained(into, _below(above, entry.path)), progress.advance)
                for entry in files
            ],
            progress.stop,
        )
    return into / _below(above, path) if path else into


def _below(above: str, path: str) -> str:
    return path.removeprefix(f"{above}/") if above else path


def fetched(root: ArtifactRoot, path: str, dst_path: str | PathLike[str] | None, *, above: str = "") -> str:
    """Where a file or directory is on this machine: `dst_path`/`path`, to which it is fetched.

    Without `dst_path` it is a new directory that is removed when the process ends, or, where the artifacts
    are in a directory that this program sees, the artifact itself. Raises as `download`.
    """
    if dst_path is not None:
        return str(download(root, path, Path(os.path.abspath(dst_path)), above=above))
    if isinstance(root, DirectoryRoot):
        found = root.local_path(path)
        if not found.exists():
            raise NotFound(f"No such artifact: '{path}'", status=404, code="RESOURCE_DOES_NOT_EXIST")
        return str(found)
    into = new_directory("artifacts-")
    try:
        return str(download(root, path, into, above=above))
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def walk(root: ArtifactRoot, path: str, depth: int = 0) -> Iterator[FileInfo]:
    """Every file at and below a directory. Raises ArtifactError where that has no end."""
    if depth > _DEEPEST:
        raise ArtifactError(f"directories of artifacts are nested more than {_DEEPEST} deep", uri=path)
    for entry in root.entries(path):
        if entry.is_dir:
            yield from walk(root, entry.path, depth + 1)
        elif entry.path != path:
            yield entry


__all__ = ["download", "fetched", "files_under", "put_files", "walk"]
