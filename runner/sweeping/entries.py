"""What a sweep's journal holds: one line of JSON for each thing that happened.

A line is `{"kind": "launched", …}` with the fields of the class of that name. Unknown fields are passed
over, so that an older version reads what a newer one wrote.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from runner.model.run import RunStatus
from runner.model.space import Value
from runner.model.trial import TrialResult

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The first line: what the sweep is. `sweep` and `order` are JSON (see `runner.sweeping.order`)."""

    name: str
    run_id: str
    run_name: str
    experiment_id: str
    tracking_uri: str
    fingerprint: str
    sweep: Mapping[str, Any]
    order: Mapping[str, Any]
    at_ms: int
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the searcher knows of earlier sweeps (their runs' ids): (params, losses or None, violations)."""

    sources: Sequence[str]
    history: Sequence[tuple[Mapping[str, Value], Sequence[float] | None, Sequence[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A parameter set was chosen: by the searcher, or declared (`origin` initial, baseline)."""

    point: int
    params: Mapping[str, Value]
    origin: str = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """An attempt at a trial is about to be submitted; while it runs it holds the slot."""

    trial: int
    point: int
    repeat: int = 0
    attempt: int = 0
    slot: int = 0

    @property
    def token(self) -> str:
        """By which the worker knows it."""
        return token_of(self.trial, self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The attempt has a tracked run."""

    trial: int
    attempt: int
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemned:
    """A stopping rule ends the attempt. Of the fields see `runner.search.stopping.protocol.Verdict`."""

    trial: int
    attempt: int
    rule: str
    reason: str
    step: int
    rung: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """An attempt is over. Unless `final`, another one follows.

    `active_s` is for how long the process that writes this has worked on the sweep, by its monotonic clock.
    """

    trial: int
    attempt: int
    result: TrialResult
    final: bool = True
    at_ms: int = 0
    active_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhausted:
    """The searcher has nothing left to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Another process goes on with the sweep."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """The budget is larger from here on."""

    max_trials: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The sweep is over: `state` is finished, stopped or failed; `reason` is a sentence."""

    state: str
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """The tracking server knows all of it: there is nothing left to do."""

    at_ms: int


Entry = (
    Began
    | Learned
    | Suggested
    | Launched
    | Opened
    | Condemned
    | Over
    | Exhausted
    | Resumed
    | Extended
    | Finished
    | Booked
)
_KINDS: dict[str, type[Any]] = {kind.__name__.lower(): kind for kind in get_args(Entry)}


def token_of(trial: int, attempt: int) -> str:
    """The name of an attempt, for the worker."""
    return f"{trial}.{attempt}"


def encode(entry: Entry) -> bytes:
    """The entry's line, with its end."""
    fields = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry)}
    if isinstance(entry, Over):
        fields["result"] = _encoded_result(entry.result)
    return json.dumps({"kind": type(entry).__name__.lower(), **fields}).encode() + b"\n"


def decode(line: bytes) -> Entry | None:
    """The line's entry.

    None for a kind that this version does not know. Raises ValueError, KeyError, TypeError.
    """
    data = json.loads(line)
    kind = _KINDS.get(data["kind"])
    if kind is None:
        return None
    known = {f.name for f in dataclasses.fields(kind)}
    fields = {name: value for name, value in data.items() if name in known}
    if kind is Over:
        fields["result"] = _decoded_result(fields["result"])
    entry: Entry = kind(**fields)
    return entry


def _encoded_result(result: TrialResult) -> dict[str, object]:
    fields: dict[str, object] = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    fields["status"] = result.status.value
    fields["metrics"] = None if result.metrics is None else dict(result.metrics)
    return fields


def _decoded_result(data: Mapping[str, Any]) -> TrialResult:
    known = {f.name for f in dataclasses.fields(TrialResult)}
    fields = {name: value for name, value in data.items() if name in known}
    fields["status"] = RunStatus(fields["status"])
    if fields.get("values") is not None:
        fields["values"] = tuple(fields["values"])
    return TrialResult(**fields)
