"""What callers call things: the variables of the frames that a call came through."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

_OURS = __name__.rpartition(".")[0]


def name_of(value: Any) -> str | None:
    """The name of the variable that is this very object, where the outermost caller has one.

    What a function calls its argument says less than what it was called where it came from. Names that begin
    with an underscore do not count: notebooks keep results under such. None where nobody has a name for it.
    """
    found: str | None = None
    if value is None:
        return found
    for frame in _callers():
        for name, each in frame.f_locals.items():
            if each is value and not name.startswith("_") and name.isidentifier():
                found = name
                break
    return found


def _callers() -> Iterator[FrameType]:
    """The frames outside of these integrations, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(_OURS):
            yield frame
        frame = frame.f_back


__all__ = ["name_of"]
