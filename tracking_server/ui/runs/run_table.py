"""Runs as the lines of a table: children under their parents, the same columns for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracking_client.wire import names
from tracking_server.store.records import Run
from tracking_server.ui import wording

MAX_COLUMNS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One run and how deep it stands under its ancestors."""

    run: Run
    depth: int
    duration: str
    params: Mapping[str, str]
    metrics: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """Lines in order, and the parameters and metrics that get a column; `left_out` have none."""

    lines: Sequence[Line]
    params: Sequence[str]
    metrics: Sequence[str]
    left_out: int


def parent_of(run: Run) -> str | None:
    """The run that a run is nested under."""
    return next((tag.value for tag in run.data.tags if tag.key == names.PARENT_RUN_ID), None)


def table(runs: Iterable[Run], now_ms: int, *, max_columns: int = MAX_COLUMNS) -> RunTable:
    """`runs` in their order, with those whose parent is among them moved under it, oldest first."""
    found = {run.info.run_id: run for run in runs}
    children: dict[str, list[Run]] = {}
    roots: list[Run] = []
    for run in found.values():
        parent = parent_of(run)
        if parent in found and parent is not None:
            children.setdefault(parent, []).append(run)
        else:
            roots.append(run)
    lines: list[Line] = []
    waiting = [(run, 0) for run in reversed(roots)]
    placed: set[str] = set()
    while waiting:
        run, depth = waiting.pop()
        if run.info.run_id in placed:
            continue
        placed.add(run.info.run_id)
        lines.append(_line(run, depth, now_ms))
        nested = sorted(children.get(run.info.run_id, ()), key=lambda child: child.info.start_time)
        waiting.extend((child, depth + 1) for child in reversed(nested))
    # Runs that are each other's parents have no root; they must not vanish.
    lines.extend(_line(run, 0, now_ms) for run_id, run in found.items() if run_id not in placed)
    params = _columns(line.params for line in lines)
    metrics = _columns(line.metrics for line in lines)
    return RunTable(
        lines=lines,
        params=params[:max_columns],
        metrics=metrics[:max_columns],
        left_out=len(params[max_columns:]) + len(metrics[max_columns:]),
    )


def _line(run: Run, depth: int, now_ms: int) -> Line:
    return Line(
        run=run,
        depth=depth,
        duration=wording.span(run.info.start_time, run.info.end_time, now_ms),
        params={param.key: param.value for param in run.data.params},
        metrics={metric.key: wording.number(metric.value) for metric in run.data.metrics},
    )


def _columns(keys: Iterable[Mapping[str, str]]) -> list[str]:
    """The keys that most lines have first; equally common ones by name."""
    counts = Counter(key for each in keys for key in each)
    return sorted(counts, key=lambda key: (-counts[key], key))
