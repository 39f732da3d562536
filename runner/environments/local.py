"""No environment of its own: the program runs in what is there."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from runner.model.environment import Environment, EnvironmentSpec


def open_local(spec: EnvironmentSpec, environ: Mapping[str, str]) -> Environment:
    """The environment of `--env-manager local`: the Python on PATH, or the one we run on where there is none.

    In the second case its directory stands before PATH, so that a command's `python` is found. The lock
    lists what our own Python sees, where that is the one used; another one is not started to be asked.
    """
    found = shutil.which("python", path=environ.get("PATH", ""))
    own = Path(sys.executable)
    if found is not None:
        is_own = os.path.dirname(found) == str(own.parent)
        return Environment(
            kind="local",
            fingerprint=spec.fingerprint(),
            python=Path(found),
            lock=_own_lock() if is_own else "",
        )
    return Environment(
        kind="local",
        fingerprint=spec.fingerprint(),
        python=own,
        path_entries=(str(own.parent),),
        lock=_own_lock(),
    )


def _own_lock() -> str:
    """Names and versions by the folders' names: reading every package's metadata would cost 100 ms."""
    import platform

    lines: set[str] = set()
    for directory in sys.path:
        try:
            lines |= _packages_in(directory, os.stat(directory).st_mtime_ns)
        except OSError:
            continue
    return "\n".join([f"# python {platform.python_version()}", *sorted(lines, key=str.lower)]) + "\n"


@functools.lru_cache(maxsize=64)
def _packages_in(directory: str, _changed_at_ns: int) -> frozenset[str]:
    """Read again when the directory has changed: each trial of a sweep asks. Raises OSError."""
    metadata = (name for name in os.listdir(directory) if name.endswith(".dist-info"))
    parts = (name.removesuffix(".dist-info").partition("-") for name in metadata)
    return frozenset(f"{package}=={version}" for package, _, version in parts)
