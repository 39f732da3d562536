"""Copying the artifacts of one run or logged model, file by file; what is there already is passed over."""

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
    """How many files were copied, their bytes, and how many were there already."""

    files: int = 0
    size_bytes: int = 0
    passed: int = 0


def copy_tree(
    tree: Tree,
    target: Target,
    artifact_uri: str,
    on_problem: Callable[[Problem], None],
    what: str,
    on_progress: Callable[[], None],
) -> Copied:
    """Copy every file of `tree` below `artifact_uri` of the target; what cannot be copied is told."""
    copied = Copied()
    for directory in _directories(tree, on_problem, what):
        try:
            here = {entry.path: entry.file_size for entry in target.entries(artifact_uri, directory.path)}
        except (OSError, ServerError) as error:
            on_problem(
                Problem(kind="artifact", what=f"{what}: {directory.path or 'artifacts'}", why=str(error))
            )
            continue
        for file in directory.files:
            if file.path in here and here[file.path] == file.file_size:
                copied.passed += 1
                continue
            try:
                safe_path(file.path)
                with tree.open(file.path) as body:
                    target.put(artifact_uri, file.path, body)
            except (OSError, ServerError) as error:
                on_problem(Problem(kind="artifact", what=f"{what}: {file.path}", why=str(error)))
                continue
            copied.files += 1
            copied.size_bytes += file.file_size or 0
            on_progress()
    return copied


@dataclass(frozen=True, slots=True, kw_only=True)
class _Directory:
    path: str
    files: list[ArtifactInfo]


def _directories(tree: Tree, on_problem: Callable[[Problem], None], what: str) -> Iterator[_Directory]:
    """The directories that hold files, one after another."""
    waiting = [""]
    while waiting:
        path = waiting.pop()
        try:
            entries = list(tree.entries(path))
        except OSError as error:
            on_problem(Problem(kind="artifact", what=f"{what}: {path or 'artifacts'}", why=str(error)))
            continue
        deeper = [entry.path for entry in entries if entry.is_dir]
        if path.count("/") < MAX_DEPTH:
            waiting.extend(reversed(deeper))
        elif deeper:
            why = f"directories are nested deeper than {MAX_DEPTH}"
            on_problem(Problem(kind="artifact", what=f"{what}: {path}", why=why))
        files = [entry for entry in entries if not entry.is_dir]
        if files:
            yield _Directory(path=path, files=files)
