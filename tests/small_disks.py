"""Disks of a few KiB, to be full on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MakeDisk = Callable[[int], Path]


@contextmanager
def small_disks(below: Path) -> Iterator[MakeDisk]:
    """Makes disks of so many KiB in the directory `below`, until the end. Skips where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small disk takes root on Linux")
    disks: list[Path] = []

    def make(size_kib: int) -> Path:
        place = below / f"disk{len(disks)}"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(place)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk takes the right to mount one: {done.stderr.strip()}")
        disks.append(place)
        return place

    try:
        yield make
    finally:
        for place in disks:
            subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def fill(disk: Path) -> Path:
    """Takes all space that is left; the file that does."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler
