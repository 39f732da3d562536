"""A local directory as it is, used in place. For another revision of it see `local_revision`."""

from __future__ import annotations

from pathlib import Path

from runner.events import Listener
from runner.model.source import Checkout, SourceRef
from runner.sources.dirty import Limits
from runner.sources.inside import inside
from runner.sources.provenance import describe


def open_directory(ref: SourceRef, *, listener: Listener, limits: Limits | None = None) -> Checkout:
    """The directory itself, to be used in place. Raises SourceError where its subdirectory is missing."""
    directory = inside(Path(ref.location), ref).resolve()
    return Checkout(
        directory=directory,
        provenance=describe(directory, source_name=str(directory), listener=listener, limits=limits),
    )
