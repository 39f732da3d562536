"""What can be imported from, and into. Each is used by one thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.importing.records import Point, Problem, Record, Reply
from tracking_server.store.records import Experiment, LoggedModel, Metric, Run
from tracking_server.store.registry.records import Alias, ModelVersion, RegisteredModel


class SourceError(Exception):
    """The source cannot be read at all, or no longer. The message says what to do; it holds no secrets."""


class NotItsOwn(Exception):
    """A source says that the artifacts of a run or logged model are where those of another thing are."""


class TargetError(Exception):
    """The target refuses everything, or no longer answers. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRun:
    """A run as the source has it; `deleted_at_ms` where the source knows. Its metrics are `Source.points`."""

    run: Run
    deleted_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModel:
    """A logged model as the source has it. Its metrics are `Source.model_points`."""

    model: LoggedModel
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRegistered:
    """A registered model as the source has it, without versions."""

    model: RegisteredModel
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceVersion:
    """A model version as the source has it, and where the source keeps its files."""

    version: ModelVersion
    storage_location: str | None = None


class Body(Protocol):
    """The bytes of a file, once."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end. Raises OSError, also where the end came too early."""
        ...


class Tree(Protocol):
    """The artifacts of one run or logged model."""

    def entries(self, directory: str) -> Iterator[ArtifactInfo]:
        """What a directory holds, paths relative to the tree; nothing where it is absent. Raises OSError."""
        ...

    def open(self, path: str) -> AbstractContextManager[Body]:
        """The bytes of a file. Raises OSError."""
        ...


class Source(Protocol):
    """Something that MLflow wrote. Iterators hold a page in memory, not the whole.

    Each method raises SourceError where nothing can be read any more. What is broken by itself is left out
    and told by `problems`.
    """

    def experiments(self) -> Iterator[Experiment]:
        """Every experiment, deleted ones included."""
        ...

    def runs(self, experiment: Experiment) -> Iterator[SourceRun]:
        """Every run of an experiment, deleted ones included."""
        ...

    def whole(self, run: Run) -> Run:
        """The run with what `runs` may leave out: asked for those that are to be imported only."""
        ...

    def points(self, run: Run) -> Iterator[Point]:
        """Every metric point of a run."""
        ...

    def models(self, experiment: Experiment) -> Iterator[SourceModel]:
        """Every logged model of an experiment that the source can list."""
        ...

    def model_points(self, model: LoggedModel) -> Iterator[Metric]:
        """Every metric point of a logged model."""
        ...

    def registered_models(self) -> Iterator[SourceRegistered]:
        """Every registered model."""
        ...

    def versions(self, name: str) -> Iterator[SourceVersion]:
        """Every version of a registered model, oldest first."""
        ...

    def tree(self, owner: Run | LoggedModel) -> Tree | None:
        """The artifacts of a run or logged model; None where they are elsewhere, and stay there.

        Raises NotItsOwn where the source names a place that is not the owner's.
        """
        ...

    def problems(self) -> Iterator[Problem]:
        """What was noticed since the last call."""
        ...

    def left_behind(self) -> Iterator[Problem]:
        """What this source holds and no record carries: traces, other workspaces."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Target(Protocol):
    """A store of ours."""

    def absorb(self, records: Sequence[Record]) -> Reply:
        """Take all of `records`, in order and in one transaction; on disk on return. Raises TargetError."""
        ...

    def entries(self, artifact_uri: str, directory: str) -> Iterator[ArtifactInfo]:
        """What a directory of artifacts holds already. Raises OSError, or ServerError for a bad path."""
        ...

    def put(self, artifact_uri: str, path: str, body: Body) -> None:
        """Write a file, whole or not at all. Raises OSError, or ServerError where it cannot be a file."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
