"""The journal's format: a line for everything that a run is told.

    kind TAB run id TAB JSON LF

The JSON is what the wire carries for it, so that shipping is joining; it holds no line break and no tab. A
line that was cut (by a full disk, or because the machine died) is not well-formed and counts as torn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat

from tracking_client import checks
from tracking_client.wire.entities import DatasetInput, LoggedModelInput, LoggedModelOutput

METRIC, PARAM, TAG, UNTAG, UPDATE, END, INPUTS, OUTPUTS = b"m", b"p", b"t", b"d", b"u", b"e", b"i", b"o"
KINDS = frozenset({METRIC, PARAM, TAG, UNTAG, UPDATE, END, INPUTS, OUTPUTS})
BATCHED = frozenset({METRIC, PARAM, TAG})
"""Kinds that travel together in one log-batch request."""

_MOST_KEYS_KEPT = 10_000
_keys: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a run was told; `payload` is JSON."""

    kind: bytes
    run_id: str
    payload: bytes

    def line(self) -> bytes:
        """The entry as the journal has it."""
        return b"%b\t%b\t%b\n" % (self.kind, self.run_id.encode("ascii"), self.payload)


def line(kind: bytes, run_id: str, payload: Mapping[str, Any]) -> bytes:
    """The line of an entry."""
    text = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    return f"{kind.decode()}\t{run_id}\t{text}\n".encode("ascii")


def inputs_line(run_id: str, datasets: Sequence[DatasetInput], models: Sequence[LoggedModelInput]) -> bytes:
    """The line of what a run read."""
    told: dict[str, Any] = {}
    if datasets:
        told["datasets"] = [item.to_wire() for item in datasets]
    if models:
        told["models"] = [item.to_wire() for item in models]
    return line(INPUTS, run_id, told)


def outputs_line(run_id: str, models: Sequence[LoggedModelOutput]) -> bytes:
    """The line of the models that a run made."""
    return line(OUTPUTS, run_id, {"models": [item.to_wire() for item in models]})


def metric_line(run_id: str, key: str, value: SupportsFloat, timestamp_ms: int, step: int) -> bytes:
    """The line of a metric, in two microseconds where key and values are what they mostly are.

    Raises InvalidArgument.
    """
    name = _keys.get(key)
    if name is None:
        name = _checked_key(key)
    if type(value) is not float:
        value = checks.number(key, value)
    # A difference that is not 0 is NaN: of NaN itself and of the infinities.
    text = repr(value) if value - value == 0.0 else _not_finite(value)
    if type(timestamp_ms) is not int or type(step) is not int or not 0 <= timestamp_ms < 1 << 63:
        timestamp_ms, step = checks.moment(key, timestamp_ms, step)
    elif not -(1 << 63) <= step < 1 << 63:
        checks.moment(key, timestamp_ms, step)
    return (
        f'm\t{run_id}\t{{"key":{name},"value":{text},"timestamp":{timestamp_ms},"step":{step}}}\n'
    ).encode("ascii")


def _checked_key(key: str) -> str:
    name = json.dumps(checks.key(key, "metric"))
    if len(_keys) < _MOST_KEYS_KEPT and type(key) is str:
        _keys[key] = name
    return name


def _not_finite(value: float) -> str:
    return '"NaN"' if value != value else '"Infinity"' if value > 0 else '"-Infinity"'  # NaN alone


def read(text: bytes) -> Iterator[Entry | None]:
    """The entries of whole lines; None for each line that is torn. Empty lines are passed over."""
    for each in text.split(b"\n"):
        if not each:
            continue
        parts = each.split(b"\t", 2)
        if len(parts) != 3 or parts[0] not in KINDS or not _is_whole(parts[0], parts[2]):
            yield None
            continue
        yield Entry(parts[0], parts[1].decode("ascii", "replace"), parts[2])


def _is_whole(kind: bytes, payload: bytes) -> bool:
    if payload[:1] != b"{" or payload[-1:] != b"}":
        return False
    if kind == METRIC and payload.find(b"}") == len(payload) - 1:  # and is not looked into any further
        return True
    try:
        json.loads(payload)
    except ValueError:
        return False
    return True


__all__ = [
    "BATCHED",
    "END",
    "INPUTS",
    "KINDS",
    "METRIC",
    "OUTPUTS",
    "PARAM",
    "TAG",
    "UNTAG",
    "UPDATE",
    "Entry",
    "inputs_line",
    "line",
    "metric_line",
    "outputs_line",
    "read",
]
