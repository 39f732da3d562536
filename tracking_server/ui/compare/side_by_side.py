"""Two texts beside one another, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "added", "removed", "changed", "gap"]

MOST_LINES = 2000
"""So many lines of either text are compared."""
MOST_COLUMNS = 1000
"""So many characters of a line are shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one of the texts; `is_same` where the other has it too."""

    text: str
    is_same: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of two texts side by side; None where it is in one only. A gap has `skipped` equal lines."""

    kind: Kind
    left: Line | None = None
    right: Line | None = None
    skipped: int = 0


@dataclass(slots=True, kw_only=True)
class SideBySide:
    """Two texts beside one another. `left_out`: how many lines were not compared."""

    pairs: list[Pair] = field(default_factory=list)
    left_out: int = 0


def side_by_side(
    left: Sequence[str], right: Sequence[str], *, context: int = 3, most_lines: int = MOST_LINES
) -> SideBySide:
    """Two texts, line by line, with `context` equal lines around each change and gaps between."""
    old, new = left[:most_lines], right[:most_lines]
    result = SideBySide(left_out=max(len(left), len(right)) - max(len(old), len(new)))
    last = 0
    # Texts with many equal lines take long without `autojunk`, which finds them popular.
    for group in SequenceMatcher(None, old, new, autojunk=True).get_grouped_opcodes(context):
        start = group[0][1]
        if start > last:
            result.pairs.append(Pair("gap", skipped=start - last))
        for tag, i1, i2, j1, j2 in group:
            result.pairs.extend(_pairs(tag == "equal", old[i1:i2], new[j1:j2]))
        last = group[-1][2]
    if result.pairs and last < len(old):
        result.pairs.append(Pair("gap", skipped=len(old) - last))
    return result


def _pairs(is_equal: bool, old: Sequence[str], new: Sequence[str]) -> Iterator[Pair]:
    for index in range(max(len(old), len(new))):
        left = Line(_shown(old[index]), is_equal) if index < len(old) else None
        right = Line(_shown(new[index]), is_equal) if index < len(new) else None
        if left is None:
            yield Pair("added", None, right)
        elif right is None:
            yield Pair("removed", left)
        else:
            yield Pair("same" if is_equal else "changed", left, right)


def _shown(text: str) -> str:
    return text if len(text) <= MOST_COLUMNS else text[:MOST_COLUMNS] + "…"
