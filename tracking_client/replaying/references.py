"""Tags and parameters whose value is the id of a run or logged model: a search names its best run so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"m-[0-9a-f]{32}")


def translated(
    values: Mapping[str, str], run: Callable[[str], str], model: Callable[[str], str]
) -> dict[str, str]:
    """`values`, with what `run` and `model` make of each that may be an id."""
    return {
        key: run(value) if _RUN.fullmatch(value) else model(value) if _MODEL.fullmatch(value) else value
        for key, value in values.items()
    }


def without_references(values: Mapping[str, str]) -> dict[str, str]:
    """`values` without what may be an id."""
    return {
        key: value
        for key, value in values.items()
        if not _RUN.fullmatch(value) and not _MODEL.fullmatch(value)
    }


__all__ = ["translated", "without_references"]
