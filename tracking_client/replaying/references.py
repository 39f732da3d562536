"""Tags and parameters that name a run or logged model: by its id, or an artifact of it, `runs:/ID/path`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_RUN = re.compile(r"(runs:/)?([0-9a-f]{32})(/.*)?", re.DOTALL)
_MODEL = re.compile(r"m-[0-9a-f]{32}")


def translated(
    values: Mapping[str, str], run: Callable[[str], str], model: Callable[[str], str]
) -> dict[str, str]:
    """`values`, with what `run` and `model` make of each id that they may name."""
    return {key: _translated(value, run, model) for key, value in values.items()}


def without_references(values: Mapping[str, str]) -> dict[str, str]:
    """`values` without what may name a run or model."""
    return {
        key: value for key, value in values.items() if _run_in(value) is None and not _MODEL.fullmatch(value)
    }


def _translated(value: str, run: Callable[[str], str], model: Callable[[str], str]) -> str:
    found = _run_in(value)
    if found is not None:
        return f"{found[1] or ''}{run(found[2])}{found[3] or ''}"
    return model(value) if _MODEL.fullmatch(value) else value


def _run_in(value: str) -> re.Match[str] | None:
    found = _RUN.fullmatch(value)
    # What follows a bare id belongs to no form that is known.
    return None if found is None or (found[3] and not found[1]) else found


__all__ = ["translated", "without_references"]
