"""What the cache holds, and how to make it smaller without taking anything from under a running program."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.environments.entry import Entry, platform_tag
from runner.environments.marker import read_marker
from runner.environments.sweep import remove_tree, sweep_builds
from runner.environments.usage import is_in_use
from runner.lease import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedEnvironment:
    """One environment in the cache. Times are seconds since 1970, None where nothing is ready.

    `size_bytes` counts what would be freed: a file that the installer's own cache shares counts as nothing.
    `ready` is False where only leftovers of builds are there.
    """

    fingerprint: str
    platform: str
    kind: str
    python: str
    requirements: str
    size_bytes: int
    created_at: float | None
    last_used_at: float | None
    ready: bool
    in_use: bool
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What `prune` did, or with `dry_run` would do. `kept` says why one was left: in use, building."""

    removed: tuple[CachedEnvironment, ...]
    leftovers: tuple[Path, ...]
    kept: tuple[tuple[CachedEnvironment, str], ...]

    @property
    def freed_bytes(self) -> int:
        """The size of what was removed, leftovers not counted."""
        return sum(environment.size_bytes for environment in self.removed)


def list_environments(root: Path, *, now: float | None = None) -> list[CachedEnvironment]:
    """Everything in the cache at `root`, the least recently used last; platforms of other machines too."""
    moment = time.time() if now is None else now
    found = [_look(directory, moment) for directory in _directories(root)]
    return sorted(found, key=lambda environment: environment.last_used_at or 0.0, reverse=True)


def prune(
    root: Path,
    *,
    older_than_s: float = 30 * 24 * 3600.0,
    everything: bool = False,
    dry_run: bool = False,
    now: float | None = None,
) -> Pruned:
    """Removes environments that were not used for `older_than_s` seconds (or `everything`), and leftovers.

    An environment that a process uses or builds is never touched. Environments of other platforms, in a
    cache that machines share, are removed by the same rules. Logs without an environment go as well.
    """
    moment = time.time() if now is None else now
    removed: list[CachedEnvironment] = []
    leftovers: list[Path] = []
    kept: list[tuple[CachedEnvironment, str]] = []
    for directory in _directories(root):
        environment = _look(directory, moment)
        with Lease(directory / "lease") as lease:
            if not lease.try_take():
                kept.append((environment, "building"))
                continue
            entry = _entry(root, directory)
            leftovers += sweep_builds(entry, now=moment, remove=_nothing if dry_run else None)
            if environment.ready and not (everything or _is_old(environment, older_than_s, moment)):
                continue
            if not _take_away(entry, environment, moment, dry_run=dry_run):
                kept.append((environment, "in use"))
            elif environment.ready:
                removed.append(environment)
        if not dry_run:
            _remove_if_empty(directory)
    leftovers += _stale_logs(root, dry_run=dry_run, older_than_s=older_than_s, now=moment)
    return Pruned(removed=tuple(removed), leftovers=tuple(leftovers), kept=tuple(kept))


def _directories(root: Path) -> Iterator[Path]:
    for platform in _children(root):
        if platform.name not in ("logs", "docker"):
            yield from _children(platform)


def _children(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir())
    except OSError:
        return []


def _entry(root: Path, directory: Path) -> Entry:
    return Entry(root=root, fingerprint=directory.name, platform=directory.parent.name)


def _look(directory: Path, now: float) -> CachedEnvironment:
    path = directory / "ready.json"
    # The Python of another platform may not exist here, and the environment be ready all the same.
    marker = read_marker(path, check_python=directory.parent.name == platform_tag())
    last_used_at: float | None = None
    with suppress(OSError):
        last_used_at = path.stat().st_mtime if marker is not None else None
    return CachedEnvironment(
        fingerprint=directory.name,
        platform=directory.parent.name,
        kind=marker.environment.kind if marker else "",
        python=_python_version(marker.environment.lock) if marker else "",
        requirements=marker.described.get("requirements", "") if marker else "",
        size_bytes=_size_bytes(directory),
        created_at=marker.created_at if marker else None,
        last_used_at=last_used_at,
        ready=marker is not None,
        in_use=is_in_use(directory, now=now),
        directory=directory,
    )


def _python_version(lock: str) -> str:
    for line in lock.splitlines():
        if line.startswith("# python "):
            return line.removeprefix("# python ").strip()
    return ""


def _size_bytes(directory: Path) -> int:
    total = 0
    for parent, _, files in os.walk(directory):
        for name in files:
            try:
                status = os.lstat(os.path.join(parent, name))
            except OSError:
                continue
            if status.st_nlink == 1:
                total += status.st_blocks * 512
    return total


def _is_old(environment: CachedEnvironment, older_than_s: float, now: float) -> bool:
    return environment.last_used_at is None or now - environment.last_used_at > older_than_s


def _take_away(entry: Entry, environment: CachedEnvironment, now: float, *, dry_run: bool) -> bool:
    """Removes the environment unless it is in use: the marker first, then a look, then the rest."""
    if dry_run:
        return not environment.in_use
    directory = entry.directory
    marker, aside = directory / "ready.json", directory / "ready.json.pruned"
    with suppress(FileNotFoundError):
        os.rename(marker, aside)
    if is_in_use(directory, now=now):
        with suppress(OSError):
            os.link(aside, marker)
        aside.unlink(missing_ok=True)
        return False
    # What a living builder without the lease is at is not swept: it publishes where nothing is ready.
    sweep_builds(entry, now=now)
    for path in (aside, directory / "failure.json", directory / "users"):
        remove_tree(path)
    return True


def _remove_if_empty(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()
        directory.parent.rmdir()


def _stale_logs(root: Path, *, dry_run: bool, older_than_s: float, now: float) -> list[Path]:
    """Logs of builds whose environment is gone, once they are old enough to have been read."""
    there = {directory.name for directory in _directories(root)}
    stale: list[Path] = []
    with suppress(OSError):
        for path in sorted((root / "logs").iterdir()):
            is_old = now - path.stat().st_mtime > min(older_than_s, 7 * 24 * 3600.0)
            if path.name.partition("-")[0] not in there and is_old:
                stale.append(path)
                if not dry_run:
                    path.unlink(missing_ok=True)
    return stale


def _nothing(_: Path) -> None:
    return None
