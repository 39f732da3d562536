"""The log among a run's artifacts: which file it is, and a part of it as a terminal would show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tracking_server.artifacts.paths import is_storable
from tracking_server.artifacts.places import Place
from tracking_server.errors import NotFound
from tracking_server.ui.run import terminal

OF_RUNNER = "runner/output.log"
"""Where `runner` stores what the program printed."""

TAIL_BYTES = 64 * 1024
"""A part of a log is no longer than this."""

_NAME = re.compile(r"(^|/)(run|output|runner|console)\.log$|\.log$|(^|/)log\.txt$", re.IGNORECASE)
_MOST_ENTRIES = 500
_MOST_DIRECTORIES = 20
_MOST_DEPTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Lines of a log to its present end; the last one is still open, and maybe empty.

    The first line begins at `start_bytes`, the last one at `after_bytes` in the style `classes`: what follows
    is read from there. `joins`: the first line is the one that was asked for; else too much is between them,
    or the log is another one. `size_bytes` is the size of the file.
    """

    lines: Sequence[Sequence[terminal.Piece]]
    start_bytes: int
    after_bytes: int
    classes: str
    joins: bool
    size_bytes: int


def find(place: Place) -> list[str]:
    """The paths of what looks like logs, likeliest first; looks at a few directories only.

    Raises ServerError and OSError.
    """
    try:
        reader, _ = place.store.open_reader(place.path(OF_RUNNER))
    except NotFound:
        return _found_by_name(place)
    reader.close()
    return [OF_RUNNER]


def _found_by_name(place: Place) -> list[str]:
    start = len(place.prefix) + 1 if place.prefix else 0
    waiting, seen = [""], 0
    logs: list[str] = []
    for directory in waiting:
        for entry in place.store.entries(place.path(directory)):
            path = entry.path[start:]
            seen += 1
            if seen > _MOST_ENTRIES:
                return _in_order(logs)
            if not is_storable(path):  # nobody could ask for it
                continue
            if not entry.is_dir and _NAME.search(path):
                logs.append(path)
            goes_deeper = entry.is_dir and path.count("/") < _MOST_DEPTH
            if goes_deeper and len(waiting) < _MOST_DIRECTORIES:
                waiting.append(path)
    return _in_order(logs)


def _in_order(logs: list[str]) -> list[str]:
    return sorted(logs, key=lambda path: (len(PurePosixPath(path).parts), path))


def read(place: Place, path: str, after_bytes: int | None = None, classes: str = "") -> Part:
    """What follows the byte `after_bytes`, where a line began in the style `classes`; None: the end of all.

    Raises ServerError and OSError.
    """
    reader, size_bytes = place.store.open_reader(place.path(path))
    with reader:
        is_another = after_bytes is not None and after_bytes > size_bytes
        wanted = 0 if after_bytes is None or is_another else after_bytes
        start = max(wanted, size_bytes - TAIL_BYTES)
        if start:
            reader.seek(start)
        content = reader.read(min(TAIL_BYTES, size_bytes - start))
    if start != after_bytes:
        classes = ""
    if start > wanted:  # in the middle of a line
        beginning = content.find(b"\n") + 1
        content, start = content[beginning:], start + beginning
    screen = terminal.shown(content.decode("utf-8", "replace"), terminal.of_classes(classes))
    return Part(
        lines=screen.lines,
        start_bytes=start,
        after_bytes=start + content.rfind(b"\n") + 1,
        classes=screen.open_style.classes,
        joins=start == after_bytes,
        size_bytes=size_bytes,
    )
