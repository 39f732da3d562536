"""Who won, said honestly: against the baseline, and with the spread of repeats where there are any."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import stdev

from runner.model.trial import Trial
from runner.sweeping.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """The best point of a sweep.

    `value` is the first objective, over `repeats` evaluations; `spread` their standard deviation (None with
    fewer than two). `baseline` is the value to beat, and `gain` by how much it was beaten (negative: it
    was not). `is_clear` is None where there is nothing to judge by, else whether the gain is more than
    twice the spread, or more than nothing where there is no spread.
    """

    trial: Trial
    value: float
    repeats: int
    spread: float | None
    baseline: float | None
    gain: float | None
    is_clear: bool | None


def winner_of(ledger: Ledger) -> Winner | None:
    """The winner so far; None where no trial has a value."""
    trial, point = ledger.best_trial(), ledger.best_point
    if trial is None or point is None:
        return None
    value = ledger.value(point)
    assert value is not None
    values = [result.values[0] for result in ledger.results(point) if result.values is not None]
    spread = stdev(values) if len(values) > 1 else None
    baseline = ledger.baseline
    to_beat = baseline.result.values[0] if baseline and baseline.result and baseline.result.values else None
    gain = None if to_beat is None else ledger.sweep.objective.loss(to_beat - value)
    return Winner(
        trial=trial,
        value=value,
        repeats=len(values),
        spread=spread,
        baseline=to_beat,
        gain=gain,
        is_clear=None if gain is None else gain > 2 * (spread or 0.0),
    )


def frontier(ledger: Ledger) -> list[int]:
    """With several objectives: the points that no other one beats in all of them, by number."""
    rows = [(point, _losses(ledger, point)) for point in ledger.ranked()]
    return sorted(
        point
        for point, losses in rows
        if not any(_dominates(other, losses) for number, other in rows if number != point)
    )


def _losses(ledger: Ledger, point: int) -> tuple[float, ...]:
    values = ledger.values(point)
    assert values is not None
    return tuple(o.loss(value) for o, value in zip(ledger.sweep.objectives, values, strict=True))


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other
