"""A comparison as a file: the rows that the page shows, and those it has no room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from tracking_server.store.records import MAX_FLOAT
from tracking_server.ui import csv_cells, wording
from tracking_server.ui.compare.comparison import Comparison
from tracking_server.ui.compare.question import SECTIONS
from tracking_server.ui.compare.table import Line, Section
from tracking_server.ui.frame import file_reply

MOST_CELLS = 400_000
MOST_ROWS = 20_000
"""So many rows of each section go into a file, and no more cells than those."""


def most_rows(runs: int) -> int:
    """How many rows of a section go into a file for so many runs."""
    return min(MOST_ROWS, MOST_CELLS // max(1, runs))


def as_csv(comparison: Comparison) -> Response:
    """The comparison as CSV: a column a run, behind the section and the name of the row."""
    content = "".join(map(csv_cells.row, _rows(comparison)))
    return file_reply(content.encode(), csv_cells.MEDIA_TYPE, "comparison.csv")


def as_json(comparison: Comparison) -> Response:
    """The comparison as JSON: the runs, and the rows of each section with a value for each run."""
    content = msgspec.json.format(msgspec.json.encode(_document(comparison)), indent=1)
    return file_reply(content, "application/json", "comparison.json")


def _facts(comparison: Comparison) -> Iterator[tuple[str, list[str]]]:
    columns = comparison.columns
    yield "run_id", [column.run_id for column in columns]
    yield "status", [column.status for column in columns]
    yield "started", [wording.exact(column.start_ms) for column in columns]
    yield "duration", [column.duration for column in columns]
    yield "experiment", [column.experiment for column in columns]


def _rows(comparison: Comparison) -> Iterator[Sequence[str]]:
    yield "section", "name", *(column.name for column in comparison.columns)
    for name, values in _facts(comparison):
        yield "run", name, *values
    for section in _opened(comparison):
        for line in section.lines:
            yield section.name, line.key, *map(_text, line.values)
            if section.is_number and comparison.baseline is not None:
                changes = (cell.change for cell in line.cells)
                yield "difference", line.key, *map(_text, changes)
                yield "percent", line.key, *(_text(cell.percent) for cell in line.cells)

        if section.left_out:
            yield section.name, f"({section.left_out} more rows)"


def _opened(comparison: Comparison) -> Iterator[Section]:
    return (section for section in comparison.sections if section.is_open)


def _text(value: str | float | None) -> str:
    if isinstance(value, float) and abs(value) == MAX_FLOAT:
        return "inf" if value > 0 else "-inf"
    return "" if value is None else str(value)


def _document(comparison: Comparison) -> dict[str, Any]:
    facts = dict(_facts(comparison))
    return {
        "runs": [
            {
                "name": column.name,
                "experiment_id": column.experiment_id,
                **{name: values[index] for name, values in facts.items()},
            }
            for index, column in enumerate(comparison.columns)
        ],
        "baseline": comparison.question.baseline if comparison.baseline is not None else None,
        "only_differences": comparison.only_differences,
        "sections": [
            {
                "name": section.name,
                "title": SECTIONS[section.name],
                "left_out": section.left_out,
                "rows": [_line(comparison, section, line) for line in section.lines],
            }
            for section in _opened(comparison)
        ],
    }


def _line(comparison: Comparison, section: Section, line: Line) -> dict[str, Any]:
    row: dict[str, Any] = {"name": line.key, "differs": line.differs, "values": list(line.values)}
    if section.is_number and comparison.baseline is not None:
        row["differences"] = [cell.change for cell in line.cells]
        row["percent"] = [cell.percent for cell in line.cells]
    return row
