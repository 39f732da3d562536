"""What is to be collected: values of one `runner server gc`, and what it says about each thing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tracking_server.errors import InvalidParameter
from tracking_server.store.experiments import parse_id

_AGE = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?"
    r"(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?"
)
_SECONDS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}

Kind = Literal["run", "model", "experiment"]


def age_ms(text: str) -> int:
    """An age as MLflow spells it (`30d`, `2d8h5m20s`) in milliseconds. Raises InvalidParameter."""
    match = _AGE.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise InvalidParameter(f"{text!r} is no age: write it like 30d, 12h or 2d8h5m20s")
    return int(sum(float(value) * _SECONDS[unit] for unit, value in match.groupdict("0").items()) * 1000)


def experiment_numbers(ids: Iterable[str]) -> frozenset[int]:
    """Experiment ids as the store has them. Raises InvalidParameter."""
    return frozenset(parse_id(experiment_id) for experiment_id in ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What may go: what was deleted before `before_ms`; None ids mean all of that kind.

    With `run_ids` only those runs and what they made; with `experiment_ids` only things of those experiments.
    `leave_artifacts` lets a run go whose artifacts this server cannot reach; they stay where they are.
    """

    before_ms: int
    run_ids: frozenset[str] | None = None
    experiment_ids: frozenset[int] | None = None
    leave_artifacts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that is deleted and old enough. `kept` says why it stays; None: it goes, or is gone.

    `points` counts metric points, `files` and `size_bytes` its artifacts; `note` is worth telling either way.
    """

    kind: Kind
    id: str
    name: str
    experiment_id: int
    deleted_at_ms: int | None
    points: int = 0
    files: int = 0
    size_bytes: int = 0
    kept: str | None = None
    note: str | None = None
