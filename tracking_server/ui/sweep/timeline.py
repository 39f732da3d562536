"""When each trial ran, in a row for each place where trials ran side by side."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from tracking_server.ui import wording
from tracking_server.ui.sweep.plots import Layer, Plot
from tracking_server.ui.sweep.scales import Tick
from tracking_server.ui.sweep.trials import Trial

MOST_BARS = 1_000
_MOST_LANES = 40
_LANE_PX = 18
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)
_DAY_S = 86_400


def of(trials: Sequence[Trial], now_ms: int) -> Plot | None:
    """The timeline of the latest trials, every attempt with a bar of its own; None without any."""
    shown = list(trials)[-MOST_BARS:]
    if not shown:
        return None
    start_ms = min(trial.start_ms for trial in shown)
    end_ms = max(_end(trial, now_ms) for trial in shown)
    span_ms = max(1, end_ms - start_ms)
    lanes, has_slots = _lanes(shown, now_ms)
    count = max(lanes) + 1
    paths: dict[str, list[str]] = {}
    numbers: dict[str, list[str]] = {}
    for trial, lane in zip(shown, lanes, strict=True):
        left = 1000 * (trial.start_ms - start_ms) / span_ms
        right = max(left + 1.5, 1000 * (_end(trial, now_ms) - start_ms) / span_ms - 0.8)
        y = 1000 * (lane + 0.5) / count
        paths.setdefault(trial.state, []).append(f"M{left:.1f} {y:.0f}H{right:.1f}")
        numbers.setdefault(trial.state, []).append(str(trial.number))
    what = "slot" if has_slots else "lane"
    left_out = len(trials) - len(shown)
    return Plot(
        title="Timeline",
        says=f"{len(shown)} runs in {count} {what}s, over {wording.span(start_ms, end_ms, now_ms)}.",
        x_label="since the first of them began",
        y_label=what,
        x_ticks=_time_ticks(span_ms),
        y_ticks=[
            Tick(1000 * (n + 0.5) / count, str(n + 1)) for n in range(count) if count <= 12 or n % 5 == 4
        ],
        layers=[
            Layer(look=f"bars {state}", path="".join(paths[state]), trials=",".join(numbers[state]))
            for state in ("finished", "early", "stopped", "failed", "running")
            if state in paths
        ],
        height=count * _LANE_PX,
        note=f"{left_out:,} earlier runs are not in it" if left_out else "",
        name="timeline",
    )


def _end(trial: Trial, now_ms: int) -> int:
    return max(
        trial.start_ms, now_ms if trial.end_ms is None and trial.state == "running" else trial.end_ms or 0
    )


def _lanes(trials: Sequence[Trial], now_ms: int) -> tuple[list[int], bool]:
    """A lane for each trial: the slot that it was given, or else the first that is free when it begins."""
    slots = sorted({trial.slot for trial in trials}, key=lambda slot: (len(slot), slot))
    if "" not in slots and len(slots) <= _MOST_LANES:
        places = {slot: number for number, slot in enumerate(slots)}
        return [places[trial.slot] for trial in trials], True
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    found, count = [0] * len(trials), 0
    for place in sorted(range(len(trials)), key=lambda place: trials[place].start_ms):
        trial = trials[place]
        while busy and busy[0][0] <= trial.start_ms:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, count = count, count + 1
        found[place] = min(lane, _MOST_LANES - 1)
        heapq.heappush(busy, (_end(trial, now_ms), lane))
    return found, False


def _time_ticks(span_ms: int) -> list[Tick]:
    span_s = span_ms / 1000
    step = next((step for step in _STEPS_S if span_s / step <= 7), None)
    if step is None:
        days = max(1, round(span_s / 7 / _DAY_S))
        step = days * _DAY_S
    return [Tick(1000 * s / span_s, _label(s, step)) for s in range(0, int(span_s) + 1, step)]


def _label(seconds: int, step: int) -> str:
    if step >= _DAY_S:
        return f"{seconds // _DAY_S} d"
    if step >= 3600:
        return f"{seconds // 3600} h"
    if step >= 60:
        return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600}:{seconds // 60 % 60:02d} h"
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02d} min"
