"""The table of trials: which of them, in which order, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tracking_server.store.compared_runs import Last
from tracking_server.store.records import wire_float
from tracking_server.ui import wording
from tracking_server.ui.sweep.choices import Choices
from tracking_server.ui.sweep.scales import number_of
from tracking_server.ui.sweep.trials import Objective, Trial

PER_PAGE = 25
MOST_COLUMNS = 12
PARAMETER = "param."
_LONG = 10
_Key = tuple[int, float, str]
_WORDS = {"early": "stopped early"}


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as a line. `word` says its state, and why it has no value."""

    trial: Trial
    word: str
    value: str
    duration: str


@dataclass(frozen=True, slots=True)
class Table:
    """One page of the rows; `first` counts from 1. `left_out` parameters have no column."""

    rows: Sequence[Row]
    first: int
    total: int
    page: int
    pages: int
    columns: Sequence[str]
    left_out: int

    @property
    def numeric(self) -> list[bool]:
        """Of each column, whether it holds numbers only, which then stand under one another."""
        return [_all_numbers([row.trial.params.get(name, "") for row in self.rows]) for name in self.columns]


def _all_numbers(texts: Sequence[str]) -> bool:
    filled = [text for text in texts if text]
    return bool(filled) and all(number_of(text) is not None for text in filled)


def passes(trial: Trial, chosen: Choices) -> bool:
    """Whether a trial, whose parameters are known as far as they are asked for, is among those chosen."""
    if chosen.states and trial.state not in chosen.states:
        return False
    if chosen.value is not None and not chosen.value.holds(trial.value):
        return False
    return all(within.holds(trial.params.get(name)) for name, within in chosen.within.items())


def of(
    trials: Sequence[Trial], chosen: Choices, objective: Objective | None, columns: Sequence[str], now_ms: int
) -> Table:
    """The page of the table that was asked for, or the last one."""
    shown = sorted_by(trials, chosen, objective, now_ms)
    pages = max(1, -(-len(shown) // PER_PAGE))
    page = min(chosen.page, pages - 1)
    first = page * PER_PAGE
    return Table(
        rows=[_row(trial, now_ms) for trial in shown[first : first + PER_PAGE]],
        first=first + 1 if shown else 0,
        total=len(shown),
        page=page,
        pages=pages,
        columns=columns[:MOST_COLUMNS],
        left_out=max(0, len(columns) - MOST_COLUMNS),
    )


def sorted_by(
    trials: Sequence[Trial], chosen: Choices, objective: Objective | None, now_ms: int
) -> list[Trial]:
    """The trials in the order that was chosen, or the best first; what has no place in it comes last."""
    place = _sort_key(chosen.sort, objective, now_ms)
    keyed = [(key, trial) for trial in trials if (key := place(trial)) is not None]
    keyed.sort(key=lambda pair: pair[0], reverse=chosen.descending)
    return [*(trial for _, trial in keyed), *(trial for trial in trials if place(trial) is None)]


def _sort_key(column: str, objective: Objective | None, now_ms: int) -> Callable[[Trial], _Key | None]:
    if column.startswith(PARAMETER):
        name = column.removeprefix(PARAMETER)
        return lambda trial: _place(trial.params.get(name))
    if column == "number":
        return lambda trial: (0, trial.number, "")
    if column == "state":
        return lambda trial: (1, 0, trial.state)
    if column == "started":
        return lambda trial: (0, trial.start_ms, "")
    if column == "duration":
        return lambda trial: (0, (trial.end_ms or now_ms) - trial.start_ms, "")
    is_less_better = objective is None or objective.goal == "minimize"
    return lambda trial: None if trial.value is None else (0, trial.value * (1 if is_less_better else -1), "")


def _place(text: str | None) -> _Key | None:
    if text is None:
        return None
    number = number_of(text)
    return (1, 0.0, text) if number is None else (0, number, "")


def _row(trial: Trial, now_ms: int) -> Row:
    word = "retried" if trial.is_superseded else _WORDS.get(trial.state, trial.state)
    return Row(
        trial=trial,
        word=word + (f": {trial.cause}" if trial.cause and trial.cause != word else ""),
        value=_shown(trial.value, trial.last),
        duration=""
        if trial.end_ms is None and trial.state != "running"
        else wording.span(trial.start_ms, trial.end_ms, now_ms),
    )


def brief(text: str) -> str:
    """A parameter's value as a cell shows it: a long number to six significant digits."""
    number = number_of(text) if len(text) > _LONG else None
    return text if number is None else f"{number:.6g}"


def _shown(value: float | None, last: Last | None) -> str:
    if value is not None:
        return wording.number(value)
    return "" if last is None else wording.number(wire_float(last.value or 0.0, last.value is None))
