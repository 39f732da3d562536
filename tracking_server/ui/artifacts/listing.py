"""What directories hold, a bounded piece at a time: some have a hundred thousand entries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from tracking_server.ui.artifacts.held import Held

PER_PAGE = 200
MOST_FOUND = 200
MOST_LOOKED_AT = 200_000
LONGEST_SEARCH_S = 2.0
MOST_OPEN = 8
"""How many directories on the way to the chosen path are listed; of those between only the way is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or directory. `path` is relative to the artifacts; directories have no size."""

    path: str
    name: str
    is_dir: bool
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Entries of a directory: directories first where all are here, else by name alone.

    `after` names the last one where more follow.
    """

    entries: list[Entry]
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found; `looked_at` entries were seen, `cut` where there are more."""

    entries: list[Entry]
    looked_at: int
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """An entry in the tree. `below` is what an opened directory holds; its beginning only, where `cut`."""

    entry: Entry
    is_chosen: bool
    is_open: bool
    below: list[Branch]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The artifacts with the directories on the way to the chosen path opened.

    `chosen` is what was chosen, None where there is no such thing; the root is a directory without a name.
    `listing` is what a chosen directory holds.
    """

    branches: list[Branch]
    cut: bool
    chosen: Entry | None
    listing: Listing


ROOT = Entry(path="", name="", is_dir=True, size_bytes=None)


def entries(held: Held, directory: str, since: str = "") -> Iterator[Entry]:
    """What a directory holds, by name, from the name `since` on. Raises ServerError, OSError."""
    for info in held.place.store.entries(held.place.path(directory), since):
        path = held.inside(info)
        if path is not None:
            yield Entry(
                path=path, name=PurePosixPath(path).name, is_dir=info.is_dir, size_bytes=info.file_size
            )


def page(held: Held, directory: str, after: str = "") -> Listing:
    """A page of a directory, from behind the name `after` on. Raises ServerError, OSError."""
    following = (entry for entry in entries(held, directory, after) if entry.name > after)
    found = list(islice(following, PER_PAGE + 1))
    if len(found) > PER_PAGE:
        return Listing(entries=found[:PER_PAGE], after=found[PER_PAGE - 1].name)
    return Listing(entries=found if after else _directories_first(found))


def find(held: Held, directory: str, text: str) -> Found:
    """The files and directories below a directory whose names hold a text, whatever its case.

    The nearest come first. Stops where there are many, or where looking takes long.
    Raises ServerError, OSError.
    """
    wanted = text.casefold()
    until_s = time.monotonic() + LONGEST_SEARCH_S
    found: list[Entry] = []
    waiting = [directory]
    looked_at = 0
    while waiting:
        further: list[str] = []
        for each in waiting:
            for entry in entries(held, each):
                looked_at += 1
                if wanted in entry.name.casefold():
                    found.append(entry)
                if entry.is_dir:
                    further.append(entry.path)
                is_enough = len(found) >= MOST_FOUND or looked_at >= MOST_LOOKED_AT
                if is_enough or time.monotonic() > until_s:
                    return Found(entries=found, looked_at=looked_at, cut=True)
        waiting = further
    return Found(entries=found, looked_at=looked_at, cut=False)


def tree(held: Held, path: str, after: str = "") -> Tree:
    """The tree with `path` chosen; of a directory the page `after` a name. Raises ServerError, OSError."""
    return _Grower(held, path).tree(after)


class _Grower:
    """Opens a tree along one path."""

    def __init__(self, held: Held, path: str) -> None:
        self._held = held
        self._path = path
        parts = path.split("/") if path else []
        self._way = ["/".join(parts[:length]) for length in range(len(parts) + 1)]
        self._listed_from = max(0, len(self._way) - MOST_OPEN)
        self._chosen: Entry | None = None if path else ROOT
        self._last = Listing(entries=[])

    def tree(self, after: str) -> Tree:
        branches, cut = self._grown(0)
        chosen = self._chosen
        listing = self._last if chosen is not None and chosen.is_dir else Listing(entries=[])
        if after and chosen is not None and chosen.is_dir:
            listing = page(self._held, self._path, after)
        return Tree(branches=branches, cut=cut, chosen=chosen, listing=listing)

    def _grown(self, depth: int) -> tuple[list[Branch], bool]:
        """The branches of the directory at this depth of the way, and whether there are more."""
        directory = self._way[depth]
        following = self._way[depth + 1] if depth + 1 < len(self._way) else None
        if following is not None and 0 < depth < self._listed_from:
            name = PurePosixPath(following).name
            shown, cut = [Entry(path=following, name=name, is_dir=True, size_bytes=None)], True
        else:
            shown, cut = self._shown(directory, following)
        return [self._branch(entry, depth, following) for entry in shown], cut

    def _shown(self, directory: str, following: str | None) -> tuple[list[Entry], bool]:
        """The first entries of a directory, and the one that the way leads on by wherever it stands."""
        first = self._last = page(self._held, directory)
        if not first.after:
            return first.entries, False
        if following is None or any(entry.path == following for entry in first.entries):
            return first.entries, True
        onward = next(entries(self._held, directory, PurePosixPath(following).name), None)
        if onward is None or onward.path != following:
            return first.entries, True
        return [*first.entries, onward], True

    def _branch(self, entry: Entry, depth: int, following: str | None) -> Branch:
        is_open = entry.is_dir and entry.path == following
        is_chosen = entry.path == self._path
        if is_chosen:
            self._chosen = entry
        below, cut = self._grown(depth + 1) if is_open else ([], False)
        return Branch(entry=entry, is_chosen=is_chosen, is_open=is_open, below=below, cut=cut)


def _directories_first(found: list[Entry]) -> list[Entry]:
    return sorted(found, key=lambda entry: (not entry.is_dir, entry.name))
