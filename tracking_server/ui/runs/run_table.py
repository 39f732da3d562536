"""Runs as the lines of a table: children under their parents, the same columns for all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tracking_client.wire import names
from tracking_server.store.metric_extremes import Extremes
from tracking_server.store.records import Run, RunInfo
from tracking_server.store.run_cells import SYSTEM_METRICS, Cells, Keys
from tracking_server.ui import colours, wording
from tracking_server.ui.runs.columns import MOST_BY_ITSELF, Column, by_itself

_LONGEST_NUMBER = 40
_WHOLE_NUMBER = 9
UNREAD = "…"
"""Stands where a value would have taken too long to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a column: shown, on hover ("" where that says no more), and as the value it is."""

    text: str
    hover: str = ""
    whole: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One run, how deep it stands under its ancestors, and how many runs are nested in it."""

    run: RunInfo
    depth: int
    duration: str
    colour: int
    is_coloured: bool
    children: int = 0
    is_open: bool = False
    children_cut: bool = False
    cells: Sequence[Cell] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """Lines in order, and their columns. `pinned` are lines that stand above all others."""

    columns: Sequence[Column]
    lines: Sequence[Line]
    pinned: Sequence[Line] = ()

    @property
    def numeric(self) -> list[bool]:
        """Of each column, whether it holds numbers only, which then stand under one another."""
        lines = [*self.pinned, *self.lines]
        return [
            column.is_numeric or _all_numbers(line.cells[index] for line in lines)
            for index, column in enumerate(self.columns)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was read for a table, by the rows of the store: runs, their cells, the extremes of metrics."""

    infos: Mapping[int, RunInfo]
    cells: Mapping[int, Cells]
    extremes: Mapping[str, Mapping[int, Extremes]] = field(default_factory=dict)
    unread: frozenset[int] = frozenset()


def _all_numbers(cells: Iterable[Cell]) -> bool:
    filled = [each.is_number for each in cells if each.text]
    return bool(filled) and all(filled)


def cell(column: Column, row: int, found: Found) -> Cell:
    """What one run has in one column."""
    of_run = found.cells[row]
    match column.entity:
        case "metrics" if column.reduction:
            extremes = found.extremes.get(column.key, {}).get(row)
            if extremes is None:
                return Cell(text=UNREAD if row in found.unread else "")
            value = extremes.least if column.reduction == "min" else extremes.greatest
            return Cell(text=wording.number(value), hover=repr(value), whole=repr(value))
        case "metrics":
            metric = of_run.metrics.get(column.key)
            if metric is None:
                return Cell(text="")
            hover = f"{metric.value} at step {metric.step}"
            return Cell(text=wording.number(metric.value), hover=hover, whole=str(metric.value))
        case "params":
            return _param(of_run.params.get(column.key, ""))
        case "tags":
            return _text(of_run.tags.get(column.key, ""))
        case "attributes":
            return _attribute(column.key, found.infos[row])


def _param(value: str) -> Cell:
    """A parameter: numbers are cut to the digits that matter, all of them on hover."""
    if len(value) > _LONGEST_NUMBER:
        return _text(value)
    try:
        number = float(value)
    except ValueError:
        return _text(value)
    if len(value) <= _WHOLE_NUMBER or not math.isfinite(number):
        return Cell(text=value, whole=value, is_number=True)
    return Cell(text=wording.number(number), hover=value, whole=value, is_number=True)


def _text(value: str) -> Cell:
    short = value if len(value) <= wording.LONGEST_CELL else value[: wording.LONGEST_CELL - 1] + "…"
    return Cell(text=short, hover=value[:1000] if short != value else "", whole=value)


def _attribute(key: str, run: RunInfo) -> Cell:
    match key:
        case "user_id":
            return _text(run.user_id)
        case "end_time":
            text = "" if run.end_time is None else wording.exact(run.end_time)
            zoned = wording.moment(run.end_time, with_zone=True)
            return Cell(text=wording.moment(run.end_time), hover=zoned, whole=text)
        case _:
            return _text(run.run_id)


def line(
    run: RunInfo,
    now_ms: int,
    *,
    depth: int = 0,
    children: int = 0,
    is_open: bool = False,
    children_cut: bool = False,
    colour: int | None = None,
    cells: Sequence[Cell] = (),
) -> Line:
    """The line of a run."""
    return Line(
        run=run,
        depth=depth,
        duration=wording.span(run.start_time, run.end_time, now_ms),
        colour=colours.of_run(run.run_id) if colour is None else colour,
        is_coloured=colour is not None,
        children=children,
        is_open=is_open,
        children_cut=children_cut,
        cells=cells,
    )


def table(runs: Iterable[Run], now_ms: int, *, max_columns: int = MOST_BY_ITSELF) -> RunTable:
    """Whole runs with what most of them have; those whose parent is among them stand under it."""
    found = {run.info.run_id: run for run in runs}
    columns, _ = by_itself(_keys(run) for run in found.values())
    columns = columns[:max_columns]
    ordered = nested([(run.info.run_id, parent_of(run)) for run in found.values()])
    given = {number: found[id_] for number, (id_, _) in enumerate(ordered)}
    read = Found(
        infos={number: run.info for number, run in given.items()},
        cells={number: _cells(run) for number, run in given.items()},
    )
    lines = [
        line(
            given[number].info,
            now_ms,
            depth=depth,
            cells=[cell(column, number, read) for column in columns],
        )
        for number, (_, depth) in enumerate(ordered)
    ]
    return RunTable(columns=columns, lines=lines)


def _keys(run: Run) -> Keys:
    return Keys(
        params=[param.key for param in run.data.params],
        metrics=[metric.key for metric in run.data.metrics if not metric.key.startswith(SYSTEM_METRICS)],
    )


def _cells(run: Run) -> Cells:
    return Cells(
        params={param.key: param.value for param in run.data.params},
        metrics={metric.key: metric for metric in run.data.metrics},
    )


def parent_of(run: Run) -> str | None:
    """The run that a run is nested under."""
    return next((tag.value for tag in run.data.tags if tag.key == names.PARENT_RUN_ID), None)


def nested(runs: Sequence[tuple[str, str | None]]) -> list[tuple[str, int]]:
    """Runs, given with their parents, each with its depth and behind its parent where that is among them.

    Runs that are each other's parents have no root; they must not vanish, and come last.
    """
    known = {run for run, _ in runs}
    children: dict[str, list[str]] = {}
    roots: list[str] = []
    for run, parent in runs:
        if parent is not None and parent in known:
            children.setdefault(parent, []).append(run)
        else:
            roots.append(run)
    ordered: dict[str, int] = {}
    waiting = [(run, 0) for run in reversed(roots)]
    while waiting:
        run, depth = waiting.pop()
        if run not in ordered:
            ordered[run] = depth
            waiting.extend((child, depth + 1) for child in reversed(children.get(run, ())))
    for run, _ in runs:
        ordered.setdefault(run, 0)
    return list(ordered.items())
