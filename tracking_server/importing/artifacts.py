"""Copying the artifacts of one run or logged model, file by file; what is there may be passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.errors import ServerError
from tracking_server.importing.protocols import Target, Tree
from tracking_server.importing.records import Problem

MAX_DEPTH = 100


@dataclass(slots=True)
class Copied:
    """How many files were copied, their bytes, how many were there already, and how often it failed.

    `failed` leaves out what is the same at the next try: a name that no store takes.
    """

    files: int = 0
    size_bytes: int = 0
    passed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """From where to where, and who is told.

    `settled`: the source's files cannot have changed since they were copied, so that those of the same size
    are passed over. `before_file` is called before a file is written.
    """

    tree: Tree
    target: Target
    artifact_uri: str
    what: str
    settled: bool
    before_file: Callable[[], object]
    on_problem: Callable[[Problem], None]
    on_progress: Callable[[], None]


def copy_tree(copying: Copying) -> Copied:
    """Copy every file of a tree; what cannot be copied is told. Raises TargetError."""
    copied = Copied()
    for directory in _directories(copying, copied):
        try:
            entries = copying.target.entries(copying.artifact_uri, directory.path)
            here = {entry.path: entry.file_size for entry in entries}
        except (OSError, ServerError) as error:
            _fail(copying, copied, directory.path or "artifacts", error)
            continue
        for file in directory.files:
            if copying.settled and file.path in here and here[file.path] == file.file_size:
                copied.passed += 1
            else:
                _copy(copying, copied, file)
    return copied


def _copy(copying: Copying, copied: Copied, file: ArtifactInfo) -> None:
    try:
        safe_path(file.path)
    except ServerError as error:
        _tell(copying, file.path, error)
        return
    copying.before_file()
    try:
        with copying.tree.open(file.path) as body:
            copying.target.put(copying.artifact_uri, file.path, body)
    except (OSError, ServerError) as error:
        _fail(copying, copied, file.path, error)
        return
    copied.files += 1
    copied.size_bytes += file.file_size or 0
    copying.on_progress()


def _fail(copying: Copying, copied: Copied, where: str, error: Exception) -> None:
    copied.failed += 1
    _tell(copying, where, error)


def _tell(copying: Copying, where: str, why: object) -> None:
    copying.on_problem(Problem(kind="artifact", what=f"{copying.what}: {where}", why=str(why)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Directory:
    path: str
    files: list[ArtifactInfo]


def _directories(copying: Copying, copied: Copied) -> Iterator[_Directory]:
    """The directories that hold files, one after another."""
    waiting = [""]
    while waiting:
        path = waiting.pop()
        try:
            entries = list(copying.tree.entries(path))
        except OSError as error:
            _fail(copying, copied, path or "artifacts", error)
            continue
        deeper = [entry.path for entry in entries if entry.is_dir]
        if path.count("/") < MAX_DEPTH:
            waiting.extend(reversed(deeper))
        elif deeper:
            _tell(copying, path, f"directories are nested deeper than {MAX_DEPTH}")
        files = [entry for entry in entries if not entry.is_dir]
        if files:
            yield _Directory(path=path, files=files)
