"""The journal's format: a line for everything that a run is told.

    kind TAB run id TAB JSON LF

The JSON is what the wire carries for it, so that shipping is joining; it holds no line break and no tab. A
file has a line, too, which says under which name the journal keeps it (see `kept_files`). A line that was cut
(by a full disk, or because the machine died) is not well-formed and counts as torn, also where the next line
follows without a break; that one is sound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsFloat

from tracking_client import checks
from tracking_client.wire import limits

if TYPE_CHECKING:
    from tracking_client.wire.entities import DatasetInput, LoggedModelInput, LoggedModelOutput

METRIC, PARAM, TAG, UNTAG, UPDATE, END, INPUTS, OUTPUTS = b"m", b"p", b"t", b"d", b"u", b"e", b"i", b"o"
FILE, MODEL_FILE, MODEL_STATUS = b"f", b"g", b"s"
KINDS = frozenset({METRIC, PARAM, TAG, UNTAG, UPDATE, END, INPUTS, OUTPUTS, FILE, MODEL_FILE, MODEL_STATUS})
FILES = frozenset({FILE, MODEL_FILE})
"""Kinds of which the journal keeps a file beside the line: an artifact of a run, a file of a logged model."""
OF_MODELS = frozenset({MODEL_FILE, MODEL_STATUS})
"""Kinds whose id is a logged model's, and not a run's."""
BATCHED = frozenset({METRIC, PARAM, TAG})
"""Kinds that travel together in one log-batch request."""

MOST_TOGETHER = 500
"""So many metrics are one entry at most: with the longest keys less than a megabyte."""

_MOST_KEYS_KEPT = 10_000
_keys: dict[str, str] = {}
_NUMBER = rb'(?:-?[\d.]+(?:e[-+]\d+)?|"NaN"|"-?Infinity")'
_METRIC = rb'\{"key":"[^"\t\n]+","value":%b,"timestamp":\d+,"step":-?\d+\}\n' % _NUMBER
_METRICS = re.compile(rb"m\t([\w-]+)\t%b(?:m\t\1\t%b){0,%d}" % (_METRIC, _METRIC, MOST_TOGETHER - 1))
"""What `metric_line` wrote, as far as it follows each other for one run."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a run was told: one thing, whose JSON `payload` is, or `count` metrics with commas between."""

    kind: bytes
    run_id: str
    payload: bytes
    count: int = 1

    def singles(self) -> list[Entry]:
        """The same as entries of one thing each."""
        if self.count == 1:
            return [self]
        # No text in a metric that stands with others has braces.
        payloads = self.payload[1:-1].split(b"},{")
        return [Entry(self.kind, self.run_id, b"{%b}" % payload) for payload in payloads]


def line(kind: bytes, run_id: str, payload: Mapping[str, Any]) -> bytes:
    """The line of an entry."""
    text = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    return f"{kind.decode()}\t{run_id}\t{text}\n".encode()


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


def file_line(kind: bytes, owner_id: str, path: str, kept: str, size_bytes: int) -> bytes:
    """The line of a file that the journal keeps as `kept`: it becomes the artifact `path` of `owner_id`."""
    return line(kind, owner_id, {"path": path, "kept": kept, "size_bytes": size_bytes})


def metric_line(run_id: str, key: str, value: SupportsFloat, timestamp_ms: int, step: int) -> bytes:
    """The line of a metric, in two microseconds where key and values are what they mostly are.

    Raises InvalidArgument.
    """
    name = _keys.get(key) if type(key) is str else None
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
    return f'm\t{run_id}\t{{"key":{name},"value":{text},"timestamp":{timestamp_ms},"step":{step}}}\n'.encode()


def _checked_key(key: str) -> str:
    name = json.dumps(checks.key(key, "metric"))
    if len(_keys) < _MOST_KEYS_KEPT and type(key) is str:
        _keys[key] = name
    return name


def _not_finite(value: float) -> str:
    return '"NaN"' if value != value else '"Infinity"' if value > 0 else '"-Infinity"'  # NaN alone


def read(text: bytes) -> Iterator[Entry | None]:
    """The entries of whole lines; None for each line that is torn. Empty lines are passed over."""
    start = 0
    while start < len(text):
        metrics = _METRICS.match(text, start)
        if metrics is not None:
            start = metrics.end()
            yield _joined(metrics)
            continue
        end = text.find(b"\n", start)
        each = text[start : end if end >= 0 else None]
        start += len(each) + 1
        if each:
            yield from _read_line(each)


def _joined(metrics: re.Match[bytes]) -> Entry:
    lines, run_id = metrics[0], metrics[1]
    prefix = b"m\t%b\t" % run_id
    payload = lines[len(prefix) : -1].replace(b"\n" + prefix, b",")
    return Entry(METRIC, run_id.decode("ascii"), payload, lines.count(b"\n"))


def _read_line(each: bytes) -> Iterator[Entry | None]:
    before, _, rest = each.rpartition(b"\t")[0].rpartition(b"\t")
    kind, payload = before[-1:], each[len(before) + len(rest) + 2 :]
    if len(before) > 1:  # a line that was cut comes first, without its break
        yield None
    run_id = rest.decode("utf-8", "replace")
    if kind in KINDS and limits.run_id_problem(run_id) is None and _is_object(payload):
        yield Entry(kind, run_id, payload)
    elif len(before) <= 1:
        yield None


def _is_object(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except ValueError:
        return False


__all__ = [
    "BATCHED",
    "END",
    "FILE",
    "FILES",
    "INPUTS",
    "KINDS",
    "METRIC",
    "MODEL_FILE",
    "MODEL_STATUS",
    "MOST_TOGETHER",
    "OF_MODELS",
    "OUTPUTS",
    "PARAM",
    "TAG",
    "UNTAG",
    "UPDATE",
    "Entry",
    "file_line",
    "inputs_line",
    "line",
    "metric_line",
    "outputs_line",
    "read",
]
