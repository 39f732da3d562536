"""Tables in files: comma- and tab-separated values, and the tables that `log_table` stores."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracking_server.ui.artifacts.outline import compact

MOST_ROWS = 1_000
MOST_COLUMNS = 100
MOST_CELLS = 50_000
MOST_CHARACTERS = 300
_DELIMITERS = ",;\t|"
_MISSING = frozenset({"", "nan", "null", "none", "na", "n/a", "-", "inf", "-inf", "infinity", "-infinity"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its text, and for a picture that `log_table` stored the paths of it and of its thumbnail."""

    text: str
    image: str = ""
    thumbnail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The beginning of a table; all rows are as long as `columns`.

    `is_number` says which columns are aligned as numbers. `row_count` is of the whole table, None where only
    its beginning was read. `columns_left_out` stand to the right of those shown; `ragged` rows had another
    length.
    """

    columns: list[str]
    rows: list[list[Cell]]
    is_number: list[bool]
    row_count: int | None
    columns_left_out: int
    ragged: int


_NOTHING = Cell(text="")


def of_delimited(text: str, delimiter: str | None, *, is_cut: bool) -> Table | None:
    """The table of comma-, semicolon-, tab- or bar-separated values; None where the text is none.

    Without a delimiter, it is the one that the first line has most of. Of a text that was cut, the last row
    is not taken, which is half a row.
    """
    first_line = text.lstrip("\r\n").partition("\n")[0]
    found = delimiter or max(_DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=found)
    rows: list[list[str]] = []
    count = 0
    try:
        for row in reader:
            if not row:  # an empty line
                continue
            count += 1
            if len(rows) <= MOST_ROWS + 1:
                rows.append(row)
    except csv.Error:  # a cell without an end, or a zero byte
        return None
    if is_cut and count == len(rows):
        rows = rows[:-1]
    if not rows:
        return None
    return _table(rows[0], rows[1 : MOST_ROWS + 1], None if is_cut else count - 1)


def is_logged(value: Any) -> bool:
    """Whether a value of JSON is a table as `log_table` stores it, or pandas in its form "split"."""
    return (
        isinstance(value, Mapping)
        and _is_list(value.get("columns"))
        and _is_list(value.get("data"))
        and set(value) <= {"columns", "data", "index"}
        and all(_is_list(row) for row in value["data"])
        and bool(value["columns"])
    )


def of_logged(value: Any) -> Table:
    """The table of a value that is one (`is_logged`)."""
    data = value["data"]
    return _table(value["columns"], data[:MOST_ROWS], len(data))


def _table(header: Sequence[Any], rows: Sequence[Sequence[Any]], row_count: int | None) -> Table:
    width = max([len(header), *map(len, rows)])
    shown = min(width, MOST_COLUMNS)
    most_rows = max(20, MOST_CELLS // shown)
    cells = [_filled([_cell(value) for value in row[:shown]], shown) for row in rows[:most_rows]]
    return Table(
        columns=[cell.text for cell in _filled([_cell(name) for name in header[:shown]], shown)],
        rows=cells,
        is_number=[_are_numbers(row[at].text for row in cells) for at in range(shown)],
        row_count=row_count,
        columns_left_out=width - shown,
        ragged=sum(len(row) != len(header) for row in rows),
    )


def _filled(cells: list[Cell], width: int) -> list[Cell]:
    return cells + [_NOTHING] * (width - len(cells))


def _cell(value: Any) -> Cell:
    if isinstance(value, Mapping) and value.get("type") == "image" and isinstance(value.get("filepath"), str):
        thumbnail = value.get("compressed_filepath")
        return Cell(
            text=value["filepath"].rpartition("/")[2],
            image=value["filepath"],
            thumbnail=thumbnail if isinstance(thumbnail, str) else value["filepath"],
        )
    return Cell(text=_clipped(value if isinstance(value, str) else compact(value)))


def _are_numbers(texts: Iterable[str]) -> bool:
    told = [text.strip() for text in texts if text.strip().lower() not in _MISSING]
    return bool(told) and all(map(_is_number, told))


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "").rstrip("%"))
    except ValueError:
        return False
    return True


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _clipped(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
