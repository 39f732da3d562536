"""Parallel coordinates: a line for each trial through its parameters to its objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracking_server.ui.sweep.plots import axis_up
from tracking_server.ui.sweep.scales import Axis, Tick
from tracking_server.ui.sweep.trials import Objective, Trial

MOST_LINES = 400
MOST_AXES = 8
_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Upright:
    """One axis: where it stands, in thousandths from the left, and the labels on it."""

    axis: Axis
    at: float
    ticks: Sequence[Tick]

    @property
    def percent(self) -> str:
        """Where it stands, for an SVG attribute."""
        return f"{self.at / 10:.4g}%"


@dataclass(frozen=True, slots=True)
class Line:
    """A trial; `level` is from 0, the best fifth of those drawn, to 4."""

    number: int
    level: int
    path: str
    is_within: bool


@dataclass(frozen=True, slots=True)
class Parallel:
    """The drawing. `left_out` trials are not in it, nor are `more_axes` parameters."""

    uprights: Sequence[Upright]
    lines: Sequence[Line]
    left_out: int
    more_axes: int


def of(
    trials: Sequence[Trial],
    axes: Sequence[Axis],
    value_axis: Axis,
    objective: Objective,
    within: frozenset[int],
) -> Parallel | None:
    """The lines of the trials that count: the best of them, and some of the others. None for a single axis.

    Those not `within` (numbers of trials) are drawn faintly.
    """
    shown_axes = [*axes[:MOST_AXES], value_axis]
    valued = sorted((t for t in trials if t.counts), key=lambda t: objective.loss(t.value or 0.0))
    if len(shown_axes) < 2 or len(valued) < 2:
        return None
    shown = _chosen(valued)
    uprights = [
        Upright(axis, 1000 * number / (len(shown_axes) - 1), axis_up(axis, 5))
        for number, axis in enumerate(shown_axes)
    ]
    rank = {trial.number: place for place, trial in enumerate(valued)}
    lines = []
    for trial in reversed(shown):  # the best on top
        points = []
        for upright in uprights:
            is_value = upright.axis is value_axis
            place = upright.axis.place(trial.value if is_value else trial.params.get(upright.axis.name))
            if place is not None:
                points.append(f"{upright.at:.0f} {1000 - min(1000.0, max(0.0, place)):.0f}")
        level = min(_LEVELS - 1, rank[trial.number] * _LEVELS // len(valued))
        lines.append(Line(trial.number, level, "M" + "L".join(points), trial.number in within))
    return Parallel(uprights, lines, len(valued) - len(shown), max(0, len(axes) - MOST_AXES))


def _chosen(valued: Sequence[Trial]) -> Sequence[Trial]:
    if len(valued) <= MOST_LINES:
        return valued
    best = valued[: MOST_LINES // 4]
    rest = valued[MOST_LINES // 4 :]
    room = MOST_LINES - len(best)
    return [*best, *(rest[number * (len(rest) - 1) // (room - 1)] for number in range(room))]
