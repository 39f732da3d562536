"""The objective over two parameters: what the trials nearby came to, in steps of colour."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tracking_server.ui.sweep.plots import Layer, Plot, axis_up
from tracking_server.ui.sweep.scales import Axis
from tracking_server.ui.sweep.trials import Objective, Trial

LEVELS = 8
LEAST_TRIALS = 6
_ACROSS, _UP = 36, 24
_MOST_TRIALS = 200
_SOFTNESS = 400.0  # in square thousandths of an axis: a trial does not have a spike of its own


@dataclass(frozen=True, slots=True)
class Band:
    """Cells of one colour in a row: left, top, width and height in thousandths. Level 0 is the best."""

    level: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Contour:
    """The drawing and the colours behind it. `steps` are the objective's values between the levels."""

    plot: Plot
    bands: Sequence[Band]
    steps: Sequence[float]


def of(trials: Sequence[Trial], x: Axis, y: Axis, objective: Objective) -> Contour | None:
    """The contour of a pair of parameters; None where too few trials have both."""
    having = [t for t in trials if t.counts and x.name in t.params and y.name in t.params]
    if len(having) > _MOST_TRIALS:
        having = [having[n * (len(having) - 1) // (_MOST_TRIALS - 1)] for n in range(_MOST_TRIALS)]
    places = []
    for trial in having:
        across, up = x.place(trial.params[x.name]), y.place(trial.params[y.name])
        if across is not None and up is not None and trial.value is not None:
            places.append((across, 1000 - up, objective.loss(trial.value), trial.number))
    if len(places) < LEAST_TRIALS:
        return None
    # Ranks, not values: one trial that went astray would take all colours but one.
    order = sorted(loss for _, _, loss, _ in places)
    steps = [order[len(order) * n // LEVELS] for n in range(1, LEVELS)]
    spots = [(px, py, bisect_left(order, loss) / len(order)) for px, py, loss, _ in places]
    return Contour(
        plot=Plot(
            title=f"{objective.metric} over {x.name} and {y.name}",
            says=f"Interpolated between {len(places)} trials. {_where(places, x, y, objective)}",
            x_label=x.name + (" (log)" if x.kind == "log" else ""),
            y_label=y.name + (" (log)" if y.kind == "log" else ""),
            x_ticks=x.ticks(6),
            y_ticks=axis_up(y, 6),
            layers=[
                Layer(
                    look="dots over",
                    path="".join(f"M{px:.0f} {py:.0f}h0" for px, py, _, _ in places),
                    trials=",".join(str(number) for *_, number in places),
                )
            ],
            height=300,
            name="contour",
        ),
        bands=_bands(spots, x, y),
        steps=[objective.loss(step) for step in steps],
    )


def _where(places: Sequence[tuple[float, float, float, int]], x: Axis, y: Axis, objective: Objective) -> str:
    px, py, loss, _ = min(places, key=lambda place: place[2])
    spots = [
        axis.names[round(axis.low + (axis.high - axis.low) * at / 1000)]
        if axis.kind == "names"
        else f"{axis.value_at(at):.4g}"
        for axis, at in ((x, px), (y, 1000 - py))
    ]
    value = f"{objective.loss(loss):.6g}"
    return f"The best of them, {value}, is at {x.name} {spots[0]} and {y.name} {spots[1]}."


def _bands(spots: Sequence[tuple[float, float, float]], x: Axis, y: Axis) -> list[Band]:
    across = len(x.names) if x.kind == "names" else _ACROSS
    up = len(y.names) if y.kind == "names" else _UP
    width, height = 1000 / across, 1000 / up
    found: list[Band] = []
    for row in range(up):
        levels = [_level(spots, (column + 0.5) * width, (row + 0.5) * height) for column in range(across)]
        start = 0
        for column in range(1, across + 1):
            if column == across or levels[column] != levels[start]:
                found.append(
                    Band(levels[start], start * width, row * height, (column - start) * width, height)
                )
                start = column
    return found


def _level(spots: Sequence[tuple[float, float, float]], x: float, y: float) -> int:
    weights = total = 0.0
    for px, py, rank in spots:
        near = 1.0 / ((px - x) ** 2 + (py - y) ** 2 + _SOFTNESS)
        weight = near * near
        weights += weight
        total += weight * rank
    return min(LEVELS - 1, int(LEVELS * total / weights))
