"""Tables as CSV that spreadsheets open without harm."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

MEDIA_TYPE = "text/csv; charset=utf-8"

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def row(cells: Sequence[str | float | int | None]) -> str:
    """One line, as RFC 4180 has it.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay as they are,
    those too that a program logged as a text.
    """
    line = io.StringIO()
    csv.writer(line).writerow([defused(cell) if isinstance(cell, str) else cell for cell in cells])
    return line.getvalue()


def defused(cell: str) -> str:
    """A text that no spreadsheet calculates."""
    return f"'{cell}" if cell.startswith(_FORMULAS) and not _NUMBER.fullmatch(cell) else cell
