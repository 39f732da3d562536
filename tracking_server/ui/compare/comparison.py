"""Runs beside one another, as far as the store knows them; what lies among their artifacts comes later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from tracking_server.store import comparing
from tracking_server.store.comparing import Kept
from tracking_server.store.schema import experiments
from tracking_server.ui import wording
from tracking_server.ui.compare import column_order
from tracking_server.ui.compare.question import Question
from tracking_server.ui.compare.table import Column, Line, Section, metric_line, text_line

MOST_CELLS = 10_000
MOST_ROWS = 500
FEWEST_ROWS = 20
MANY_ALIKE = 10
"""Where more rows than these are the same in all runs, only those that differ are shown at first."""
MOST_VERSIONS = 1000

_SYSTEM = ("mlflow.", "runner.")

Values = Callable[[Connection, Sequence[int], Sequence[str]], Mapping[tuple[int, str], Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the page shows. `missing` are runs that were asked for and are not in the store.

    `only_differences`: rows in which all runs agree are left out; `same` of them, `different` others.
    """

    question: Question
    columns: Sequence[Column]
    sections: Sequence[Section]
    missing: Sequence[str] = ()
    only_differences: bool = False
    same: int = 0
    different: int = 0

    @property
    def baseline(self) -> int | None:
        """Which of the columns is the baseline."""
        return next((index for index, column in enumerate(self.columns) if column.is_baseline), None)

    @property
    def reference(self) -> int:
        """The column that code is compared with: the baseline, or the first."""
        return self.baseline or 0

    def with_sections(self, sections: Iterable[Section]) -> Comparison:
        """This comparison with more sections."""
        return replace(self, sections=(*self.sections, *sections))


@dataclass(frozen=True, slots=True)
class _Known:
    """One kind of thing that runs have, and how its values are read."""

    name: str
    kept: Sequence[Kept]
    values: Values
    line: Callable[..., Line]


def rows_at_once(runs: int) -> int:
    """How many rows of a section are shown beside one another for so many runs."""
    return max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // max(1, runs)))


def of(connection: Connection, question: Question, now_ms: int, most_rows: int | None = None) -> Comparison:
    """The comparison of these runs, with at most `most_rows` rows a section."""
    rows = column_order.ordered(connection, comparing.rows_of(connection, question.run_ids), question.sort)
    found = {row.uuid for row in rows}
    columns = _columns(connection, rows, question.baseline, now_ms)
    begun = Comparison(
        question=question,
        columns=columns,
        sections=(),
        missing=[run_id for run_id in question.run_ids if run_id not in found],
    )
    if not columns:
        return begun
    ids = [column.row_id for column in columns]
    known = _known(connection, ids)
    counted = [kept.differs for kind in known if kind.name != "system" for kept in kind.kept]
    different = sum(counted)
    same = len(counted) - different
    begun = replace(
        begun,
        same=same,
        different=different,
        only_differences=question.show == "differences"
        or (question.show == "" and same > MANY_ALIKE and different > 0),
    )
    limit = rows_at_once(len(columns)) if most_rows is None else most_rows
    return begun.with_sections(_section(connection, begun, kind, limit) for kind in known)


def _columns(
    connection: Connection, rows: Sequence[Row[Any]], baseline: str, now_ms: int
) -> Sequence[Column]:
    wanted = select(experiments.c.id, experiments.c.name)
    ids = {row.experiment_id for row in rows}
    names = {row.id: row.name for row in connection.execute(wanted.where(experiments.c.id.in_(ids)))}
    versions = comparing.versions_of(connection, [row.uuid for row in rows], MOST_VERSIONS)
    return [
        Column(
            row_id=row.id,
            run_id=row.uuid,
            name=row.name,
            status=row.status,
            start_ms=row.start_ms,
            duration=wording.span(row.start_ms, row.end_ms, now_ms),
            experiment_id=str(row.experiment_id),
            experiment=names[row.experiment_id],
            is_baseline=row.uuid == baseline,
            is_deleted=bool(row.deleted),
            versions=versions.get(row.uuid, ()),
        )
        for row in rows
    ]


def _known(connection: Connection, ids: Sequence[int]) -> list[_Known]:
    tags = comparing.tags_of(connection, ids)
    own = [tag for tag in tags if not tag.key.startswith(_SYSTEM)]
    system = [tag for tag in tags if tag.key.startswith(_SYSTEM)]
    return [
        _Known("params", comparing.params_of(connection, ids), comparing.param_values, text_line),
        _Known("metrics", comparing.metrics_of(connection, ids), comparing.metric_values, metric_line),
        _Known("tags", own, comparing.tag_values, text_line),
        _Known("system", system, comparing.tag_values, text_line),
    ]


def _section(connection: Connection, comparison: Comparison, kind: _Known, limit: int) -> Section:
    question = comparison.question
    named = [kept for kept in kind.kept if passes(kept.key, question.search)]
    wanted = [kept.key for kept in named if kept.differs or not comparison.only_differences]
    is_open = kind.name in question.open
    skipped = min(question.skipped.get(kind.name, 0), len(wanted))
    lines: list[Line] = []
    if is_open:
        keys = wanted[skipped : skipped + limit]
        ids = [column.row_id for column in comparison.columns]
        values = kind.values(connection, ids, keys)
        lines = [
            kind.line(key, [values.get((run, key)) for run in ids], baseline=comparison.baseline)
            for key in keys
        ]
    return Section(
        name=kind.name,
        lines=lines,
        total=len(kind.kept),
        matching=len(wanted),
        same=len(named) - len(wanted),
        skipped=skipped,
        is_open=is_open,
        is_number=kind.name == "metrics",
    )


def made_section(
    comparison: Comparison, name: str, lines: Sequence[Line], *, limit: int | None = None, note: str = ""
) -> Section:
    """A section of rows that were made whole, as far as they are asked for."""
    question = comparison.question
    named = [line for line in lines if passes(line.key, question.search)]
    wanted = [line for line in named if line.differs or not comparison.only_differences]
    is_open = name in question.open
    skipped = min(question.skipped.get(name, 0), len(wanted))
    most = rows_at_once(len(comparison.columns)) if limit is None else limit
    return Section(
        name=name,
        lines=wanted[skipped : skipped + most] if is_open else (),
        total=len(lines),
        matching=len(wanted),
        same=len(named) - len(wanted),
        skipped=skipped,
        is_open=is_open,
        note=note,
    )


def passes(key: str, search: str) -> bool:
    """Whether a row's name holds all words of a search, whatever their case."""
    lowered = key.lower()
    return all(word in lowered for word in search.lower().split())
