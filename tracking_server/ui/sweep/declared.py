"""What a sweep of `runner` said it would do: the file that it leaves with its own run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tracking_server.artifacts.places import Places
from tracking_server.errors import ServerError
from tracking_server.ui import artifact_head

_FILE = "runner/sweep.json"
_MOST_BYTES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Of the declaration what its page goes by. `modes` says which of a metric's values counts, where told.

    `parameters` are those that are searched; those in `log` on a logarithmic scale, those in `names` among
    values without an order.
    """

    parameters: tuple[str, ...] = ()
    log: frozenset[str] = frozenset()
    linear: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    modes: Mapping[str, str] = field(default_factory=dict)
    aggregate: str = "mean"
    seed_parameter: str = ""


def of(places: Places, artifact_uri: str) -> Declared:
    """What the run with these artifacts declared; nothing where it is none of `runner`, or not to be read.

    Blocks for as long as the artifacts' store takes.
    """
    text = _text(places, artifact_uri)
    return Declared() if text is None else parsed(text)


@lru_cache(maxsize=64)
def parsed(text: str) -> Declared:
    """The declaration in a file; nothing for any other text."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return Declared()
    if not isinstance(said, dict):
        return Declared()
    space = {str(name): domain for name, domain in _map(said.get("parameters")).items()}
    searched = {name: _map(domain) for name, domain in space.items() if "value" not in _map(domain)}
    several = said.get("metrics")
    objectives = [_map(one) for one in (several if isinstance(several, list) else [said.get("metric")])]
    ranges = {name: domain for name, domain in searched.items() if "values" not in domain}
    return Declared(
        parameters=tuple(searched),
        log=frozenset(name for name, domain in ranges.items() if domain.get("log") is True),
        linear=frozenset(name for name, domain in ranges.items() if domain.get("log") is not True),
        names=frozenset(searched.keys() - ranges.keys()),
        modes={str(one.get("name")): str(one.get("mode", "last")) for one in objectives},
        aggregate=str(_map(said.get("repeats")).get("aggregate", "mean")),
        seed_parameter=str(_map(said.get("trial_seed")).get("parameter", "")),
    )


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(places: Places, artifact_uri: str) -> str | None:
    try:
        head = artifact_head.read(places.of(artifact_uri), _FILE, _MOST_BYTES)
    except (ServerError, OSError):
        return None
    return None if head.is_cut else head.text
