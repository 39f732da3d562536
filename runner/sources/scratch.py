"""Folders that somebody needs for a moment.

They are beside the working copies, and removed by a later command where whoever needed them was killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from runner.model.source import Provenance
from runner.sources.staging import staging
from runner.sources.working_copy import working_copies


def scratch_folder(state_dir: Path) -> AbstractContextManager[Path]:
    """An empty folder, removed at the end."""
    return staging(working_copies(state_dir))


@contextmanager
def written_changes(provenance: Provenance, state_dir: Path) -> Iterator[Path]:
    """A folder with what distinguishes a dirty working tree from its commit, removed at the end."""
    with scratch_folder(state_dir) as folder:
        if provenance.dirty is not None and provenance.repository_root is not None:
            from runner.sources.dirty import write_artifacts

            write_artifacts(provenance.dirty, provenance.repository_root, folder)
        yield folder
