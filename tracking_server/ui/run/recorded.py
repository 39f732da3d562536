"""What `runner` stored of a run's order, environment and sources; a trial's may be with its sweep's run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tracking_server.artifacts.paths import safe_path
from tracking_server.errors import InvalidParameter, NotFound, ServerError
from tracking_server.services import Services
from tracking_server.store import runs
from tracking_server.ui import artifact_head

ORDER = "runner/run.json"
LOCK_TAG = "runner.environment.lock"
SOURCES_TAG = "runner.source.artifacts"
SKIPPED_TAG = "runner.source.skipped"
PATCH = "dirty.patch"
UNTRACKED = "untracked.tar.gz"

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A file or directory among the artifacts of a run of this store."""

    run_id: str
    artifact_uri: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The beginning of a stored file, and where all of it is."""

    where: Where
    text: str
    is_cut: bool
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What there is of it; `order` is empty where none was stored. `problem` says why nothing can be read."""

    order: Mapping[str, Any]
    lock: Text | None
    patch: Text | None
    untracked: Where | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to look: the order is with the run, the rest with the run that a tag names."""

    order: Where
    lock: Where | None
    sources: Where | None


def places(connection: Connection, run_id: str, noted: Mapping[str, str]) -> Places:
    """Where the tags of a run say that its record is. Raises NotFound for the run itself."""
    own = runs.find(connection, run_id)
    return Places(
        order=Where(run_id=run_id, artifact_uri=own.artifact_uri, path=ORDER),
        lock=_named(connection, noted.get(LOCK_TAG, "")),
        sources=_named(connection, noted.get(SOURCES_TAG, "")),
    )


def _named(connection: Connection, uri: str) -> Where | None:
    """What `runs:/RUN/path` names, None where that is nothing of this store."""
    split = artifact_head.split_uri(uri)
    if split is None:
        return None
    run_id, path = split
    try:
        row = runs.find(connection, run_id)
        return Where(run_id=run_id, artifact_uri=row.artifact_uri, path=safe_path(path))
    except (NotFound, InvalidParameter):  # anything may stand in a tag
        return None


def read(services: Services, wanted: Places) -> Recorded:
    """The files that are there. Never raises for what a store says; blocks."""
    try:
        order = _text(services, wanted.order)
        lock = _text(services, wanted.lock)
        patch = _text(services, _inside(wanted.sources, PATCH))
        untracked = _inside(wanted.sources, UNTRACKED)
        has_untracked = untracked is not None and UNTRACKED in _names_in(services, wanted.sources)
    except (ServerError, OSError) as error:
        return Recorded(order={}, lock=None, patch=None, untracked=None, problem=str(error))
    return Recorded(
        order=_parsed(order), lock=lock, patch=patch, untracked=untracked if has_untracked else None
    )


def _inside(directory: Where | None, name: str) -> Where | None:
    if directory is None:
        return None
    path = f"{directory.path}/{name}".lstrip("/")
    return Where(run_id=directory.run_id, artifact_uri=directory.artifact_uri, path=path)


def _text(services: Services, where: Where | None) -> Text | None:
    if where is None:
        return None
    place = services.places.of(where.artifact_uri)
    try:
        head = artifact_head.read(place, where.path, _MOST_BYTES)
    except NotFound:
        return None
    return Text(where=where, text=head.text, is_cut=head.is_cut, size_bytes=head.size_bytes)


def _names_in(services: Services, directory: Where | None) -> Sequence[str]:
    if directory is None:
        return ()
    place = services.places.of(directory.artifact_uri)
    entries = place.store.entries(place.path(directory.path))
    return [entry.path.rpartition("/")[2] for entry, _ in zip(entries, range(100), strict=False)]


def _parsed(order: Text | None) -> Mapping[str, Any]:
    try:
        found = json.loads(order.text) if order is not None else {}
    except (ValueError, RecursionError):  # a client stored something of that name
        return {}
    return found if isinstance(found, dict) else {}
