"""Searching runs at any scale: every page costs about what it shows.

A filter that few runs pass is answered from the index of what it compares (`candidates`). Any other search
walks the index of its order (`lanes`), tests each run on the way and stops when the page is full. Either way
memory is bounded by the page and `candidates.MOST`; what cannot be fast is told in
docs/explanation/speed-of-the-store.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, select

from tracking_server.query.tree import EVERYTHING, Comparison
from tracking_server.store import long_reads
from tracking_server.store.opaque import opaque
from tracking_server.store.searching import lanes, page_token, run_walk
from tracking_server.store.searching.candidates import Candidates, Looks, chunks
from tracking_server.store.searching.lanes import RUNS
from tracking_server.store.searching.order import Position, SortKey, beyond, compare, sorting, sql_order
from tracking_server.store.searching.paging import SearchRequest, test_of
from tracking_server.store.searching.run_question import Found, Question, read, with_keys

_CHUNK = 500
_FIRST = 1_000
_MOST_AT_ONCE = 40_000
_LONG_PAGE = 2_000


def page_of_runs(
    connection: Connection, experiments: Sequence[int], request: SearchRequest
) -> tuple[list[int], str | None]:
    """The ids (of the table `runs`) on a page, and the token of the next. Raises InvalidParameter."""
    question, about = read(connection, experiments, request)
    rows = _answer(question)
    if len(rows) < question.need:
        return [row[-1] for row in rows], None
    rows = rows[: request.max_results]
    return [row[-1] for row in rows], page_token.write(list(rows[-1]), about=about)


def _answer(question: Question) -> list[Found]:
    """Up to `need` rows in order."""
    if not question.scope.experiments:
        return []
    if question.need > _LONG_PAGE:
        long_reads.begin(question.connection)
    filtered = question.tree != EVERYTHING
    is_alone = len(question.scope.experiments) == 1
    if is_alone and (run_walk.is_own_lane(question) or (question.by_start and not filtered)):
        return run_walk.everywhere(question)
    looks = Looks(connection=question.connection, scope=question.scope)
    candidates = looks.everything()
    if candidates is None and filtered:
        candidates = looks.at(question.tree)
    if candidates is None and _has_window(question, filtered=filtered):
        rows = run_walk.in_window(question, looks.common)
        if rows is not None:
            return rows
    if candidates is None and (filtered or question.scope.is_wide):
        long_reads.begin(question.connection)
    if candidates is None and filtered:
        looks.costly = True
        candidates = looks.at(question.tree)
    if candidates is not None and (question.only_by_start or not looks.dense(candidates)):
        return _among(question, candidates)
    if question.only_by_start and looks.common and not question.scope.together:
        return _sorted_by_start(question, looks.common[0])
    return run_walk.everywhere(question)


def _has_window(question: Question, *, filtered: bool) -> bool:
    """Whether the first runs of the listing are looked at first, since the whole walk may be long."""
    return question.by_start if question.scope.is_wide else question.only_by_start and filtered


def _among(question: Question, candidates: Candidates) -> list[Found]:
    """The answer when it is among few."""
    ascending = question.ascending
    if question.only_by_start:
        return _first_among(question, candidates)
    rows = [row for part in chunks(list(candidates), _CHUNK) for row in _tested(question, part)]
    after = question.after
    if after is not None:
        rows = [row for row in rows if compare(row, after, ascending) > 0]
    return sorted(rows, key=sorting(ascending))[: question.need]


def _first_among(question: Question, candidates: Candidates) -> list[Found]:
    """The same by start, which is known already: tests no more runs than it takes."""
    sign = 1 if question.ascending[0] else -1
    places = [(sign * start_ms, sign * run) for run, start_ms in candidates.items()]
    if question.after is not None:
        last = (sign * question.after[0], sign * question.after[1])
        places = [place for place in places if place > last]
    places.sort()
    rows: list[Found] = []
    # More candidates than needed pass at first glance; most of them in the end.
    size = min(_CHUNK, question.need + question.need // 4)
    for part in chunks([sign * run for _, run in places], size):
        passed = {row[-1]: row for row in _tested(question, part)}
        rows.extend(passed[run] for run in part if run in passed)
        if len(rows) >= question.need:
            break
    return rows[: question.need]


def _tested(question: Question, ids: Sequence[int]) -> list[Found]:
    """The sort keys of those runs that are in the scope and pass the filter."""
    statement, keys = with_keys(
        question.thing, select(), question.order, start=RUNS.c.start_ms, row_id=RUNS.c.id
    )
    # The last column is the id.
    statement = statement.add_columns(*(key.expression for key in keys)).where(RUNS.c.id.in_(ids))
    in_scope = and_(
        RUNS.c.experiment_id.in_(question.scope.experiments), RUNS.c.deleted.in_(question.scope.deleted)
    )
    passes = question.passes()
    statement = statement.where(opaque(in_scope if passes is None else and_(in_scope, passes)))
    return [tuple(row) for row in question.connection.execute(statement)]


def _sorted_by_start(question: Question, common: Comparison) -> list[Found]:
    """The answer when a comparison is true of many, but of none or few of those that a walk meets first."""
    known = lanes.range_of(question.connection, question.scope, common, test_of(common))
    assert known is not None
    row_id, start, where = known
    keys = [SortKey(expression=column, ascending=question.ascending[0]) for column in (start, row_id)]
    rows: list[Found] = []
    last: Position | None = question.after
    size = _FIRST
    while True:
        entries = select(start, row_id).where(where).order_by(*sql_order(keys)).limit(size)
        if last is not None:
            entries = entries.where(beyond(keys, last))
        found = [tuple(row) for row in question.connection.execute(entries)]
        for part in chunks([row[1] for row in found], min(_CHUNK, question.need)):
            passed = {row[-1]: row for row in _tested(question, part)}
            rows.extend(passed[run] for run in part if run in passed)
            if len(rows) >= question.need:
                return rows[: question.need]
        if len(found) < size:
            return rows
        last = found[-1]
        size = min(4 * size, _MOST_AT_ONCE)
