"""How many processes the kernel has killed because memory had run out."""

from __future__ import annotations

import functools
from pathlib import Path


def memory_kills(*, process: str = "self", root: Path = Path("/")) -> int | None:
    """The count in the control group of a process (and those within it), else of the whole machine.

    It only grows: compare two readings. None where the system does not tell (not Linux). `root` is where the
    system's files are.
    """
    source = _source(process, root)
    return None if source is None else _count(*source)


@functools.lru_cache(maxsize=8)
def _source(process: str, root: Path) -> tuple[Path, str] | None:
    """The first file that tells, looked for once: each trial asks twice."""
    found = (source for source in _sources(process, root) if _count(*source) is not None)
    return next(found, None)


def _sources(process: str, root: Path) -> list[tuple[Path, str]]:
    groups = root / "sys/fs/cgroup"
    found = []
    for line in _lines(root / "proc" / process / "cgroup"):
        _, controllers, path = ([*line.split(":", 2), "", ""])[:3]
        within = path.lstrip("/")
        if controllers == "":
            # In a container the group's own path is not to be seen: its files are at the top.
            found += [(groups / within / "memory.events", "oom_kill"), (groups / "memory.events", "oom_kill")]
        elif "memory" in controllers.split(","):
            old = groups / "memory"
            found += [
                (old / within / "memory.oom_control", "oom_kill"),
                (old / "memory.oom_control", "oom_kill"),
            ]
    return [*found, (root / "proc/vmstat", "oom_kill")]


def _count(file: Path, label: str) -> int | None:
    for line in _lines(file):
        name, _, number = line.partition(" ")
        if name == label and number.strip().isdigit():
            return int(number)
    return None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
