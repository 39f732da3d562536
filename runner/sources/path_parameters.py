"""Paths among parameters that lead into a project: the same file in another copy of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from runner.errors import InvalidParameter
from runner.model.project import EntryPoint


def paths_within(
    entry_point: EntryPoint, params: Mapping[str, str], *, base: Path, top: Path
) -> dict[str, str]:
    """Of the path parameters those that lead into the sources at `top`: their places, relative to it.

    `base` is where relative paths start. Values that lead elsewhere or nowhere, or are to be downloaded, are
    not in the result. `EntryPoint.bind(params, base=base, fetched=places_in(copy, found))` binds the rest.
    """
    real_top = os.path.realpath(top)
    found: dict[str, str] = {}
    for parameter in entry_point.parameters:
        value = params.get(parameter.name, parameter.default)
        if value is None or parameter.kind not in ("path", "uri"):
            continue
        try:
            place = parameter.locate(value, base=base, project=entry_point.directory)
        except InvalidParameter:
            continue
        within = None if place is None or not os.path.isabs(place) else _within(place, str(top), real_top)
        if within is not None:
            found[parameter.name] = within
    return found


def places_in(copy: Path, within: Mapping[str, str]) -> dict[str, str]:
    """Those of the paths that are there in the copy whose top is `copy`, absolute."""
    places = {name: os.path.normpath(copy / path) for name, path in within.items()}
    return {name: place for name, place in places.items() if os.path.lexists(place)}


def _within(place: str, top: str, real_top: str) -> str | None:
    # As it was spelled first: a link within the project is one in the copy too.
    spelled = os.path.normpath(place)
    for start in (top, real_top):
        if spelled == start or spelled.startswith(start.rstrip("/") + "/"):
            return os.path.relpath(spelled, start)
    real = os.path.realpath(place)
    return os.path.relpath(real, real_top) if real == real_top or real.startswith(f"{real_top}/") else None
