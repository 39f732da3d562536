"""What whoever called an integration calls things: the variables of the calling frame."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

_OURS = __name__.rpartition(".")[0]


def caller_variables() -> dict[str, Any]:
    """The variables that are visible where the code outside of these integrations is."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(_OURS):
        frame = frame.f_back
    return {**frame.f_globals, **frame.f_locals}


def name_of(value: Any, variables: Mapping[str, Any]) -> str | None:
    """The name of the variable that is this very object; None where there is none."""
    if value is None:
        return None
    return next(
        (name for name, each in reversed([*variables.items()]) if each is value and name != "_"), None
    )


__all__ = ["caller_variables", "name_of"]
