"""One line to the user, on stderr: stdout belongs to the user's program."""

from __future__ import annotations

import contextlib
import sys


def say(line: str) -> None:
    """Prints one line of ours. Does nothing where stderr is gone, and with it whoever would read this."""
    with contextlib.suppress(OSError, ValueError):
        print(f"tracking: {line}", file=sys.stderr, flush=True)


__all__ = ["say"]
