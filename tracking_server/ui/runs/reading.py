"""Reads what a table of runs shows: one page of lines, and of each run only the columns that are shown."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tracking_server.store import metric_extremes, metric_keys, nested_runs, run_cells
from tracking_server.store.records import RunInfo
from tracking_server.store.searching import run_search
from tracking_server.store.searching.paging import SearchRequest
from tracking_server.ui.runs.columns import Column, by_itself, keys_of
from tracking_server.ui.runs.run_table import Found, Line, RunTable, cell, line, nested
from tracking_server.ui.runs.view import RUNS_PER_PAGE, View, under

MOST_CHILDREN = 200
"""Of nested runs that are shown of one that is opened; its own page has them all."""
MOST_BELOW = 1_000
"""Of nested runs that are shown in all."""
_LOOKED_AT_FOR_COLUMNS = 50
_KEYS_OF_A_RUN = 60
_EXTREMES_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A table, how to go on, whether runs have more than is shown, and selected runs that are elsewhere."""

    table: RunTable
    next_page_token: str | None
    has_more_columns: bool
    selected_elsewhere: Sequence[str]


def read(
    connection: Connection, experiment: int, view: View, now_ms: int, *, most: int = RUNS_PER_PAGE
) -> Reading:
    """The table of an experiment's runs. Raises InvalidParameter where the filter or order cannot be read."""
    ids, token = run_search.page_of_runs(connection, [experiment], view.search(most))
    pinned = run_cells.row_ids(connection, view.pinned)
    roots = run_cells.infos(connection, ids)
    below, cut = _opened(connection, experiment, view, [*roots.values()])
    infos = {**roots, **run_cells.infos(connection, [*below, *pinned])}
    columns, more = _columns(connection, view, list(infos))
    found = _found(connection, infos, columns)
    counts = nested_runs.counts(connection, [run.run_id for run in infos.values()]) if view.is_nested else {}
    lines = _Lines(view, columns, found, counts, cut, now_ms)
    rows = [id_ for id_ in infos if id_ in roots or id_ in below]
    shown = {run.run_id for run in infos.values()}
    return Reading(
        table=RunTable(
            columns=columns,
            lines=lines.nested(rows, below),
            pinned=[lines.one(id_, 0) for id_ in pinned],
        ),
        next_page_token=token,
        has_more_columns=more,
        selected_elsewhere=sorted(view.selected - shown),
    )


def _opened(
    connection: Connection, experiment: int, view: View, roots: Sequence[RunInfo]
) -> tuple[dict[int, str], frozenset[str]]:
    """The nested runs that are shown, with their parents, and the runs of which not all are shown."""
    if not view.is_nested:
        return {}, frozenset()
    below: dict[int, str] = {}
    cut: set[str] = set()
    level = [run.run_id for run in roots]
    while level:
        opened = level if "all" in view.opened else [run for run in level if run in view.opened]
        level = []
        for parent in opened:
            most = max(0, min(MOST_CHILDREN, MOST_BELOW - len(below)))
            children = _children(connection, experiment, view, parent, most + 1)
            if len(children) > most:
                cut.add(parent)
            fresh = [child for child in children[:most] if child.row_id not in below]
            below.update((child.row_id, parent) for child in fresh)
            level.extend(child.run_id for child in fresh)
    return below, frozenset(cut)


def _children(
    connection: Connection, experiment: int, view: View, parent: str, most: int
) -> Sequence[nested_runs.Child]:
    """The first runs under one in the order of the table; the oldest first where none was chosen."""
    if not view.order:
        return nested_runs.of(connection, parent, most)
    asked = SearchRequest(filter=under(parent), order_by=(view.order,), max_results=most)
    ids, _ = run_search.page_of_runs(connection, [experiment], asked)
    return [nested_runs.Child(id_, run.run_id) for id_, run in run_cells.infos(connection, ids).items()]


def _columns(connection: Connection, view: View, ids: Sequence[int]) -> tuple[list[Column], bool]:
    if view.columns is not None:
        return list(view.columns), False
    return by_itself(run_cells.first_keys(connection, ids[:_LOOKED_AT_FOR_COLUMNS], _KEYS_OF_A_RUN))


def _found(connection: Connection, infos: Mapping[int, RunInfo], columns: Sequence[Column]) -> Found:
    ids = list(infos)
    reduced = list(dict.fromkeys(column.key for column in columns if column.reduction))
    numbers = metric_keys.find(connection, reduced)
    until_s = time.monotonic() + _EXTREMES_WITHIN_S
    extremes, unread = {}, set()
    for key, number in numbers.items():
        extremes[key], left = metric_extremes.of(connection, ids, number, until_s=until_s)
        unread.update(left)
    return Found(
        infos=infos,
        cells=run_cells.of(connection, ids, keys_of(columns)),
        extremes=extremes,
        unread=frozenset(unread),
    )


class _Lines:
    """Makes the lines of one table."""

    def __init__(
        self,
        view: View,
        columns: Sequence[Column],
        found: Found,
        counts: Mapping[str, int],
        cut: frozenset[str],
        now_ms: int,
    ) -> None:
        self._view = view
        self._columns = columns
        self._found = found
        self._counts = counts
        self._cut = cut
        self._now_ms = now_ms

    def one(self, id_: int, depth: int) -> Line:
        run = self._found.infos[id_]
        view = self._view
        return line(
            run,
            self._now_ms,
            depth=depth,
            children=self._counts.get(run.run_id, 0),
            is_open="all" in view.opened or run.run_id in view.opened,
            children_cut=run.run_id in self._cut,
            colour=view.colours.get(run.run_id),
            cells=[cell(column, id_, self._found) for column in self._columns],
        )

    def nested(self, rows: Sequence[int], parents: Mapping[int, str]) -> list[Line]:
        by_uuid = {self._found.infos[id_].run_id: id_ for id_ in rows}
        placed = nested([(self._found.infos[id_].run_id, parents.get(id_)) for id_ in rows])
        return [self.one(by_uuid[run], depth) for run, depth in placed]
