"""A run's artifacts as a flat list of lines, each at its depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlencode

from tracking_server.artifacts.paths import is_storable
from tracking_server.artifacts.places import Place
from tracking_server.ui import wording

MAX_ENTRIES = 500
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or directory; `url` downloads a file. `path` is relative to the run's artifacts."""

    path: str
    name: str
    depth: int
    is_dir: bool
    size: str
    url: str


def entries(place: Place, run_id: str) -> list[Entry]:
    """The files of a run, directories before what they hold; the first five hundred. Raises ServerError."""
    found: list[Entry] = []
    for entry in _walk(place, run_id, "", 0):
        found.append(entry)
        if len(found) >= MAX_ENTRIES:
            break
    return found


def _walk(place: Place, run_id: str, directory: str, depth: int) -> Iterator[Entry]:
    start = len(place.prefix) + 1 if place.prefix else 0
    for info in place.store.entries(place.path(directory)):
        path = info.path[start:]
        if not is_storable(path):  # nobody could ask for it
            continue
        query = urlencode({"run_id": run_id, "path": path})
        yield Entry(
            path=path,
            name=PurePosixPath(path).name,
            depth=depth,
            is_dir=info.is_dir,
            size=wording.size(info.file_size),
            url="" if info.is_dir else f"/get-artifact?{query}",
        )
        if info.is_dir and depth < MAX_DEPTH:
            yield from _walk(place, run_id, path, depth + 1)
