"""Tables as CSV that spreadsheets open without harm."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def row(cells: Sequence[str | float | int | None]) -> str:
    """One line, as RFC 4180 has it.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay as they are.
    """
    line = io.StringIO()
    csv.writer(line).writerow(
        [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell for cell in cells]
    )
    return line.getvalue()
