"""The objective as trials logged it, step by step: the best, the latest, and some that were stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import Connection

from tracking_server.store import metric_keys, series
from tracking_server.store.series import SeriesPoint
from tracking_server.ui.sweep.plots import Layer, Plot, axis_up
from tracking_server.ui.sweep.scales import Axis, numbers_axis
from tracking_server.ui.sweep.trials import Objective, Trial

MOST_CURVES = 48
_POINTS = 60

Curve = Sequence[SeriesPoint]


def read(connection: Connection, trials: Sequence[Trial], objective: Objective) -> list[tuple[Trial, Curve]]:
    """The curves of some trials that logged the objective more than once; at most so many, and so long."""
    having = [trial for trial in trials if trial.last is not None and trial.last.step > 0]
    best = sorted((t for t in having if t.counts), key=lambda t: objective.loss(t.value or 0.0))
    early = [trial for trial in having if trial.state == "early"]
    running = [trial for trial in having if trial.state == "running"]
    wanted = [*running[-12:], *best[:12], *early[-16:], *having[::-1]]
    shown = list({trial.row: trial for trial in wanted}.values())[:MOST_CURVES]
    key = metric_keys.find(connection, [objective.metric]).get(objective.metric)
    if key is None:
        return []
    return [(trial, series.glimpse(connection, trial.row, key, most=_POINTS)) for trial in shown]


def of(
    curves: Sequence[tuple[Trial, Curve]], objective: Objective, best: int | None, total: int
) -> Plot | None:
    """The curves, those that were stopped early faded, the `best` (a number) in front. None without any."""
    steps = [float(point.step) for _, points in curves for point in points]
    if not steps or max(steps) <= 0:
        return None
    values = [point.value for _, points in curves for point in points if math.isfinite(point.value)]
    if not values:
        return None
    up = _without_the_worst(objective, values)
    across = numbers_axis("step", [min(steps), max(steps)], log=False)
    layers = []
    for trial, points in sorted(curves, key=lambda pair: _on_top(pair[0], best)):
        path = _path(points, across, up)
        if path:
            look = "best" if trial.number == best else trial.state
            layers.append(Layer(look=f"curve {look}", path=path, trials=str(trial.number)))
    return Plot(
        title=f"{objective.metric} by step",
        says=f"{len(layers)} trials, step by step; {sum('early' in layer.look for layer in layers)} of them "
        "were stopped early.",
        x_label="step",
        y_label=objective.metric,
        x_ticks=across.ticks(8),
        y_ticks=axis_up(up),
        layers=layers,
        height=240,
        note=f"{len(layers)} of {total:,} trials" if total > len(layers) else "",
        name="curves",
    )


def _without_the_worst(objective: Objective, values: Sequence[float]) -> Axis:
    """An axis for most of the points: curves may begin far off."""
    ordered = sorted(values, key=objective.loss)
    return numbers_axis(objective.metric, ordered[: max(1, len(ordered) - len(ordered) // 50)])


def _on_top(trial: Trial, best: int | None) -> tuple[int, int]:
    order = {"early": 0, "failed": 1, "stopped": 1, "finished": 2, "running": 3}
    return (4 if trial.number == best else order[trial.state], trial.number)


def _path(points: Curve, across: Axis, up: Axis) -> str:
    path, pen = "", "M"
    for point in points:
        number = point.value if math.isfinite(point.value) else None
        x, y = across.place(float(point.step)), up.place(number)
        if x is None or y is None:
            pen = "M"  # a gap
            continue
        path += f"{pen}{x:.0f} {1000 - min(1000.0, max(0.0, y)):.0f}"
        pen = "L"
    return path + "h0" if path else ""
