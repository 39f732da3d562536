"""A comparison as rows and cells: what is shown, and what is exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from tracking_server.store.records import MAX_FLOAT, WireFloat
from tracking_server.ui import wording

LONG = 200
"""Of a longer text, so many characters are shown: those around where it begins to differ."""
_BEFORE = 40

Value = str | float | None
"""What a run has, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A run among those that are compared. `row_id` is its number within the store."""

    row_id: int
    run_id: str
    name: str
    status: str
    start_ms: int
    duration: str
    experiment_id: str
    experiment: str
    is_baseline: bool
    is_deleted: bool
    versions: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One value. `whole` is the text before it was cut, `url` where it leads, if anywhere.

    `differs` is from the baseline. `change` and `percent` are the difference of a metric to it.
    """

    text: str | None
    whole: str = ""
    url: str | None = None
    differs: bool = False
    change: float | None = None
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table. `values` are those that the cells show, whole."""

    key: str
    values: Sequence[Value]
    cells: Sequence[Cell]
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the table. Of the `total` rows that the runs have, `matching` pass what is asked for.

    `lines` are those after `skipped`; the rest is `left_out`. `same` rows are hidden because all runs agree.
    `note` says what could not be had.
    """

    name: str
    lines: Sequence[Line] = ()
    total: int = 0
    matching: int = 0
    same: int = 0
    skipped: int = 0
    is_open: bool = True
    is_number: bool = False
    note: str = ""

    @property
    def left_out(self) -> int:
        """How many rows come after those that are shown."""
        return max(0, self.matching - self.skipped - len(self.lines))


def text_line(
    key: str,
    values: Sequence[str | None],
    *,
    baseline: int | None,
    urls: Mapping[str, str] | None = None,
) -> Line:
    """A row of texts. `urls` are the addresses of some of the values."""
    differs = len(set(values)) > 1
    start = _start([value for value in values if value is not None]) if differs else 0
    expected = None if baseline is None else values[baseline]
    cells = [
        Cell(
            None if value is None else _cut(value, start),
            value if value is not None and len(value) > LONG else "",
            (urls or {}).get(value or ""),
            baseline is not None and value != expected,
        )
        for value in values
    ]
    return Line(key, values, cells, differs)


def _start(values: Sequence[str]) -> int:
    """Where the shown part of long values begins: texts that differ must not look the same."""
    if max(map(len, values), default=0) <= LONG:
        return 0
    first, last = min(values), max(values)  # in between, no text differs earlier
    pairs = enumerate(zip(first, last, strict=False))
    alike = next((index for index, (one, other) in pairs if one != other), min(len(first), len(last)))
    return max(0, alike - _BEFORE) if alike > LONG - _BEFORE else 0


def _cut(value: str, start: int) -> str:
    if len(value) <= LONG:
        return value
    part = value[start : start + LONG]
    return ("…" if start else "") + part + ("…" if start + LONG < len(value) else "")


def metric_line(key: str, values: Sequence[WireFloat | None], *, baseline: int | None) -> Line:
    """A row of a metric's latest values, with their differences to the baseline's."""
    expected = None if baseline is None else values[baseline]
    cells = []
    for index, value in enumerate(values):
        text = None if value is None else wording.number(value)
        whole = repr(value) if isinstance(value, float) and text != repr(value) else ""
        if baseline is None or index == baseline:
            cells.append(Cell(text, whole))
        else:
            cells.append(Cell(text, whole, None, value != expected, *change(expected, value)))
    return Line(key, values, cells, len(set(values)) > 1)


def change(old: WireFloat | None, new: WireFloat | None) -> tuple[float | None, float | None]:
    """By how much, and by how many percent of the old one, a metric changed; None where nobody can say."""
    if not _is_finite(old) or not _is_finite(new):
        return None, None
    difference = float(new) - float(old)
    if abs(difference) > MAX_FLOAT:
        return None, None
    if old == 0 or abs(difference) / abs(float(old)) > MAX_FLOAT / 100:
        return difference, None
    return difference, 100 * difference / abs(float(old))


def _is_finite(value: WireFloat | None) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and abs(value) < MAX_FLOAT
