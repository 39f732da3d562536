"""Runs in groups: by the value of a parameter or a tag, with what their metrics come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from tracking_server.store import run_cells
from tracking_server.store.records import MAX_FLOAT, Metric, WireFloat
from tracking_server.store.run_cells import Keys
from tracking_server.store.searching import run_search
from tracking_server.store.searching.paging import SearchRequest
from tracking_server.ui import averages
from tracking_server.ui.runs.columns import Column, by_itself, quoted
from tracking_server.ui.runs.view import View

MOST_RUNS = 10_000
"""Of runs that are grouped: the first ones in the order of the table."""
MOST_GROUPS = 500
_LOOKED_AT_FOR_COLUMNS = 50
_KEYS_OF_A_RUN = 60


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What a metric comes to in one group: over `count` runs that have it as a number."""

    count: int
    mean: float
    least: float
    greatest: float
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One value, None for runs without any; `aggregates`: one a metric, None where no run has it."""

    value: str | None
    runs: int
    aggregates: Sequence[Aggregate | None]
    filter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """All groups, the largest first. `is_cut`: there are more runs than were looked at."""

    by: Column
    metrics: Sequence[Column]
    groups: Sequence[Group]
    is_cut: bool
    left_out: int


def read(connection: Connection, experiment: int, view: View, by: Column) -> Groups:
    """The groups of the runs that pass the view's filter, nested ones too. Raises InvalidParameter."""
    search = view.search(most=MOST_RUNS, page_token="") if view.filter else _everything(view)
    ids, token = run_search.page_of_runs(connection, [experiment], search)
    metrics = _metrics(connection, view, ids)
    wanted = Keys(
        params=[by.key] if by.entity == "params" else [],
        tags=[by.key] if by.entity == "tags" else [],
        metrics=[column.key for column in metrics],
    )
    cells = run_cells.of(connection, ids, wanted)
    members: dict[str | None, list[run_cells.Cells]] = {}
    for of_run in cells.values():
        values = of_run.params if by.entity == "params" else of_run.tags
        members.setdefault(values.get(by.key), []).append(of_run)
    groups = [
        Group(
            value=value,
            runs=len(runs),
            aggregates=[_aggregate([run.metrics.get(column.key) for run in runs]) for column in metrics],
            filter=_narrowed(view, by, value),
        )
        for value, runs in sorted(members.items(), key=lambda pair: (-len(pair[1]), pair[0] or ""))
    ]
    return Groups(
        by=by,
        metrics=metrics,
        groups=groups[:MOST_GROUPS],
        is_cut=token is not None,
        left_out=len(groups[MOST_GROUPS:]),
    )


def _everything(view: View) -> SearchRequest:
    return replace(view, is_flat=True).search(most=MOST_RUNS, page_token="")


def _metrics(connection: Connection, view: View, ids: Sequence[int]) -> list[Column]:
    columns = view.columns
    if columns is None:
        some = run_cells.first_keys(connection, ids[:_LOOKED_AT_FOR_COLUMNS], _KEYS_OF_A_RUN)
        columns = tuple(by_itself(some)[0])
    return [column for column in columns if column.entity == "metrics" and not column.reduction]


def _aggregate(metrics: Sequence[Metric | None]) -> Aggregate | None:
    values = [_number(metric.value) for metric in metrics if metric is not None]
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    return Aggregate(
        count=len(numbers),
        mean=averages.mean(numbers),
        least=min(numbers),
        greatest=max(numbers),
        deviation=averages.deviation(numbers) if len(numbers) > 1 else 0.0,
    )


def _number(value: WireFloat) -> float | None:
    """A finite number; None for the others, of which there is no mean."""
    return None if isinstance(value, str) or abs(value) >= MAX_FLOAT else value


def _narrowed(view: View, by: Column, value: str | None) -> str:
    """The filter that finds the runs of one group."""
    key = f"{by.entity}.{quoted(by.key)}"
    escaped = (value or "").replace("'", "''")
    own = f"{key} IS NULL" if value is None else f"{key} = '{escaped}'"
    return f"({view.filter}) AND {own}" if view.filter else own
