"""What belongs to a project's sources, and what lies beside them: told by git, or by a walk without it."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.sources.git_command import GitFailed, GitMissing, read
from runner.sources.untracked import is_tracking_store

_TIMEOUT_S = 120.0
_MARKS_OF_WHAT_OTHERS_MADE = ("pyvenv.cfg", "conda-meta", "CACHEDIR.TAG")
"""A directory with one of these is a virtual environment or a cache."""


@dataclass(slots=True)
class Listing:
    """Paths relative to the top: `sources` are files and links; `beside` is ignored, folders are whole."""

    sources: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)


def list_sources(top: Path, *, in_git: bool, left_out: Collection[Path] = ()) -> Listing:
    """Everything under `top`, but for git's own folders and what lies within `left_out`.

    Submodules and other repositories within are listed by what they say themselves. Tracking stores and
    virtual environments lie beside the sources, ignored or not. Raises GitFailed, GitMissing, OSError.
    """
    found = Listing()
    inside = os.path.realpath(top) + os.sep
    skipped = {real for path in left_out if (real := os.path.realpath(path)).startswith(inside)}
    if in_git:
        _ask_git(top, "", found, skipped)
    else:
        _walk(top, "", found, skipped)
    found.sources.sort()
    found.beside.sort()
    return found


def _ask_git(repository: Path, prefix: str, found: Listing, skipped: set[str]) -> None:
    nested = []
    for path in _names(repository, "--cached", "--others", "--exclude-standard"):
        place = repository / path
        if _is_within(place, skipped) or not os.path.lexists(place):
            continue
        if path.endswith("/") or (place.is_dir() and not place.is_symlink()):
            nested.append(path.rstrip("/"))
        elif is_tracking_store(path):
            found.beside.append(prefix + _store_of(path))
        else:
            found.sources.append(prefix + path)
    for path in _names(repository, "--others", "--ignored", "--exclude-standard", "--directory"):
        if not _is_within(repository / path, skipped):
            found.beside.append(prefix + path.rstrip("/"))
    for path in dict.fromkeys(nested):
        _ask_git_or_walk(repository / path, f"{prefix}{path}/", found, skipped)
    found.sources[:] = dict.fromkeys(found.sources)
    found.beside[:] = dict.fromkeys(found.beside)


def _ask_git_or_walk(folder: Path, prefix: str, found: Listing, skipped: set[str]) -> None:
    if not (folder / ".git").exists():
        return  # a submodule that is not checked out
    try:
        _ask_git(folder, prefix, found, skipped)
    except (GitFailed, GitMissing):
        _walk(folder, prefix, found, skipped)


def _names(repository: Path, *options: str) -> list[str]:
    listing = read(["ls-files", "-z", *options], cwd=repository, timeout_s=_TIMEOUT_S)
    return [name for name in os.fsdecode(listing).split("\0") if name]


def _store_of(path: str) -> str:
    parts = path.split("/")
    end = next(number for number, part in enumerate(parts, start=1) if is_tracking_store(part))
    return "/".join(parts[:end])


def _walk(folder: Path, prefix: str, found: Listing, skipped: set[str]) -> None:
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        path = prefix + entry.name
        if entry.name == ".git" or _is_within(Path(entry.path), skipped):
            continue
        if is_tracking_store(entry.name):
            found.beside.append(path)
        elif not entry.is_dir(follow_symlinks=False):
            found.sources.append(path)
        elif entry.name == "__pycache__" or _others_made(entry.path):
            found.beside.append(path)
        else:
            _walk(Path(entry.path), f"{path}/", found, skipped)


def _others_made(folder: str) -> bool:
    return any(os.path.lexists(os.path.join(folder, mark)) for mark in _MARKS_OF_WHAT_OTHERS_MADE)


def _is_within(place: Path, skipped: set[str]) -> bool:
    if not skipped:
        return False
    real = os.path.join(os.path.realpath(place.parent), place.name)
    return any(real == path or real.startswith(f"{path}/") for path in skipped)


def seen(top: Path, listing: Listing) -> Iterator[str]:
    """A line for each source file that changes when the file does."""
    for path in listing.sources:
        try:
            status = os.lstat(top / path)
        except OSError as error:
            yield f"{path}\0{error.errno}"
            continue
        kind = stat.S_IFMT(status.st_mode)
        times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
        yield f"{path}\0{kind} {status.st_mode & 0o777:o} {status.st_size} {status.st_ino} {times}"
