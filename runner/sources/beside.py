"""What git ignores, made reachable in a copy of the sources: data, environments, outputs of earlier runs.

It is linked to, at the same relative path. Small files are copied, and their folders made anew, so that
trials that write beside them do not write over one another, nor into what is the user's own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from runner.sources.secret_files import is_secret_name
from runner.sources.untracked import is_tracking_store
from runner.sources.working_copy import copy_file


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLimits:
    """What is copied. A larger file is linked to. More files or bytes than these are refused.

    Of what git ignores, files up to `beside_file_bytes` are copied, and folders made anew, while there are
    no more than `beside_entries` in all; the rest is linked to, whole folders at once.
    """

    file_bytes: int = 10 * 1024 * 1024
    total_bytes: int = 1024 * 1024 * 1024
    files: int = 50_000
    beside_file_bytes: int = 1024 * 1024
    beside_entries: int = 500


@dataclass(slots=True)
class Beside:
    """The ignored parts of `top`, in the copy `tree`."""

    top: Path
    tree: Path
    limits: SnapshotLimits
    entries: int = 0

    def link(self, paths: Collection[str]) -> None:
        """Makes each of the ignored `paths`, files and whole folders, reachable. Raises OSError."""
        for path in paths:
            self._link(path)

    def _link(self, path: str) -> None:
        place, target = self.top / path, self.tree / path
        if os.path.lexists(target):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink():
            os.symlink(link_target(self.top, path), target)
        elif is_tracking_store(path) or not self._make_anew(place, target):
            os.symlink(place, target)

    def _make_anew(self, place: Path, target: Path) -> bool:
        entries = list(_tree_below(place, most=self.limits.beside_entries - self.entries))
        if self.entries + len(entries) >= self.limits.beside_entries:
            return False
        self.entries += len(entries) + 1
        if not place.is_dir():
            entries = [("", place.lstat())]
        else:
            target.mkdir()
        for name, status in entries:
            self._put(place / name if name else place, target / name if name else target, status)
        return True

    def _put(self, place: Path, target: Path, status: os.stat_result) -> None:
        if stat.S_ISDIR(status.st_mode):
            target.mkdir()
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(link_target(self.top, str(place.relative_to(self.top))), target)
        elif (
            stat.S_ISREG(status.st_mode)
            and status.st_size <= self.limits.beside_file_bytes
            and not is_secret_name(str(place.relative_to(self.top)))
            and os.access(place, os.R_OK)
        ):
            try:
                copy_file(str(place), str(target))
            except FileNotFoundError:
                return
        else:
            os.symlink(place, target)


def _tree_below(folder: Path, *, most: int) -> list[tuple[str, os.stat_result]]:
    """Everything below a folder, a folder before what is in it; of more than `most`, that many."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    found: list[tuple[str, os.stat_result]] = []
    left = [""]
    while left:
        prefix = left.pop()
        try:
            with os.scandir(folder / prefix) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if len(found) >= most:
                return found
            name = f"{prefix}{entry.name}"
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            found.append((name, status))
            if entry.is_dir(follow_symlinks=False):
                left.append(f"{name}/")
    return found


def link_target(top: Path, path: str) -> str:
    """Where a copy of the link at `path` leads: to the same file within the copy, or the same outside."""
    target = os.readlink(top / path)
    folder = os.path.dirname(os.path.join(top, path))
    leads_to = os.path.normpath(os.path.join(folder, target))
    if leads_to == str(top) or leads_to.startswith(f"{top}/"):
        return os.path.relpath(leads_to, folder) if os.path.isabs(target) else target
    return leads_to
