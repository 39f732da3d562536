"""Where a project comes from, as typed and as found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SourceKind = Literal["directory", "git", "archive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """What the user typed, parsed: `location` without `#subdirectory`, and the wished `revision`.

    `location` is an absolute path for a directory or a local archive, else a URL. It may hold
    credentials: print `display`, never `location` (which is left out of `repr` for that reason).
    """

    kind: SourceKind
    location: str = field(repr=False)
    subdirectory: str = ""
    revision: str | None = None
    display: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """A file that was left out of the record of a dirty tree, and why (`secret`, `size limit`, …)."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyState:
    """What distinguishes a working tree from its commit.

    `patch` is `git diff --binary HEAD` (with submodules), without files that look like secrets.
    `untracked` are paths relative to the repository's root, of files to be stored beside it.
    `digest` (hex SHA-256) covers both contents, and names, reasons and sizes of what was skipped: equal
    digests of one commit mean equal trees, as far as they are recorded.
    """

    patch: bytes
    untracked: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which code this is. All None for a directory outside any repository.

    `repository_url` has its credentials stripped. `branch` is None on a detached head.
    `subdirectory` is the project's place within the repository, "" at its root.
    `submodule_commits` are (path within the repository, commit), nested ones included.
    `content_digest` is the hex SHA-256 of an archive, which has no commit.
    """

    source_name: str
    commit: str | None = None
    branch: str | None = None
    repository_url: str | None = None
    repository_root: Path | None = None
    subdirectory: str = ""
    submodule_commits: tuple[tuple[str, str], ...] = ()
    dirty: DirtyState | None = None
    content_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A project on disk: `directory` is where its MLproject file would be.

    `shared_root` is None where the directory is the user's own. Else it is the top of a cached tree that
    many runs share: a program must not run there, but in a `runner.sources.working_copy`.
    """

    directory: Path
    provenance: Provenance
    shared_root: Path | None = None
