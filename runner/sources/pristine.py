"""Trees that are made once and read by many: checkouts of commits, unpacked archives.

A slot is a folder with `tree/` and the marker `ready.json`, which came to its place in one rename. The
marker holds what is known of the tree, and a seal by which a later change of the tree shows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from runner.lease import lease
from runner.sources.staging import remove_abandoned, staging, write_durably

TREE = "tree"
_MARKER = "ready.json"
Facts = Mapping[str, object]


def ensure(slot: Path, build: Callable[[Path, Path], Facts], *, timeout_s: float) -> tuple[Path, Facts]:
    """The tree in `slot` and what is known of it; made by `build(tree, scratch)` where there is none intact.

    `build` creates the folder `tree` and returns JSON-able facts. Of many callers at once, one builds.
    Safe against concurrent callers and death at any moment.
    """
    slot.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(slot.parent)
    facts = _facts_if_intact(slot)
    if facts is None:
        with lease(slot.parent / f".{slot.name[:2]}.lease", timeout_s=timeout_s):
            facts = _facts_if_intact(slot)
            if facts is None:
                facts = _build(slot, build)
    return slot / TREE, facts


def _build(slot: Path, build: Callable[[Path, Path], Facts]) -> Facts:
    with staging(slot.parent) as stage:
        made = stage / "slot"
        made.mkdir()
        (stage / "scratch").mkdir()
        facts = build(made / TREE, stage / "scratch")
        marker = {"facts": facts, "seal": _seal(made / TREE)}
        write_durably(made / _MARKER, json.dumps(marker).encode())
        return _put_in_place(made, slot, facts, damaged=stage / "damaged")


def _put_in_place(made: Path, slot: Path, facts: Facts, *, damaged: Path) -> Facts:
    if slot.exists():
        theirs = _facts_if_intact(slot)
        if theirs is not None:
            return theirs
        with contextlib.suppress(FileNotFoundError):
            os.rename(slot, damaged)
    try:
        os.rename(made, slot)
        return facts
    except OSError:
        # Another one's came first: only where the lease could not be had.
        theirs = _facts_if_intact(slot)
        if theirs is None:
            raise
        return theirs


def _facts_if_intact(slot: Path) -> Facts | None:
    try:
        marker = json.loads((slot / _MARKER).read_bytes())
        if marker["seal"] != _seal(slot / TREE):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    facts = marker.get("facts")
    return facts if isinstance(facts, dict) else None


def _seal(tree: Path) -> str:
    digest = hashlib.sha256()
    for line in _lines(str(tree), ""):
        digest.update(os.fsencode(line))
    return digest.hexdigest()


def _lines(folder: str, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        name = prefix + entry.name
        if entry.is_symlink():
            yield f"{name}\0link {os.readlink(entry.path)}\0"
        elif entry.is_dir(follow_symlinks=False):
            # git's own files change when it is asked things.
            if entry.name != ".git":
                yield f"{name}\0folder\0"
                yield from _lines(entry.path, f"{name}/")
        else:
            seen = entry.stat(follow_symlinks=False)
            yield f"{name}\0{seen.st_mode & 0o111:o} {seen.st_size} {seen.st_mtime_ns}\0"
