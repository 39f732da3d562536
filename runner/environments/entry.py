"""The place of one environment in the cache, and the way to use it when it is ready."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from runner.environments.marker import read_marker
from runner.environments.usage import mark_used
from runner.model.environment import Environment

_TOUCH_EVERY_S = 3600.0


@lru_cache(maxsize=1)
def platform_tag() -> str:
    """What must be equal for machines to share environments: system, architecture, C library."""
    libc = ""
    with suppress(ValueError, OSError, AttributeError):
        libc = "-" + (os.confstr("CS_GNU_LIBC_VERSION") or "").replace(" ", "")
    return f"{sys.platform}-{os.uname().machine}{libc.rstrip('-')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The place of one environment in the cache at `root`."""

    root: Path
    fingerprint: str
    platform: str = field(default_factory=platform_tag)

    @property
    def directory(self) -> Path:
        """All that belongs to the environment, its logs excepted."""
        return self.root / self.platform / self.fingerprint

    @property
    def marker(self) -> Path:
        """The file that says ready."""
        return self.directory / "ready.json"

    def claim(self) -> Environment | None:
        """The environment if it is ready, marked as used by this process; None otherwise."""
        marker = read_marker(self.marker)
        if marker is None or marker.environment.fingerprint != self.fingerprint:
            return None
        mark_used(self.directory)
        try:
            if time.time() - self.marker.stat().st_mtime > _TOUCH_EVERY_S:
                os.utime(self.marker)
        except FileNotFoundError:
            return None
        except OSError:
            pass  # not ours to touch
        return marker.environment
