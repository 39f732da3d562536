"""How far a sweep is: how many trials, how fast they come, and when it will be over."""

from __future__ import annotations

from dataclasses import dataclass

from tracking_server.store.records import RunInfo
from tracking_server.ui import wording
from tracking_server.ui.sweep.trials import BUDGET, STATE, Sweep, Trial

_RATE_OVER = 20
"""The rate is that of the last so many ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`state` is running, finished, stopped, failed, or interrupted: nobody conducts it, and it is not over.

    `budget` is how many trials there are to be; None where nobody said. `per_minute` None: too few have ended
    to tell. `ends_in_ms` is from now on. `early` were stopped by a rule; `reused` are runs that had finished
    before, and were taken for trials.
    """

    state: str
    finished: int
    running: int
    failed: int
    early: int
    stopped: int
    reused: int
    budget: int | None
    per_minute: float | None
    ends_in_ms: int | None
    elapsed: str

    @property
    def over(self) -> int:
        """How many trials are not running any more."""
        return self.finished + self.failed + self.early + self.stopped + self.reused

    @property
    def is_running(self) -> bool:
        """Whether more is to come."""
        return self.state == "running"


def of(sweep: Sweep, parent: RunInfo, now_ms: int) -> Standing:
    """How the sweep stands at a moment."""
    counted = sweep.counted
    state = _state(sweep, parent)
    numbers = dict.fromkeys(("finished", "running", "failed", "early", "stopped"), 0)
    for trial in counted:
        numbers[trial.state] += 1
    budget = sweep.tags.get(BUDGET, "")
    most = int(budget) if budget.isascii() and budget.isdigit() and len(budget) < 10 else None
    rate = _per_minute(counted, now_ms if state == "running" else None)
    over = len(counted) - numbers["running"] + sweep.reused
    left = None if most is None else max(0, most - over)
    ends_in = round(left / rate * 60_000) if state == "running" and left and rate else None
    return Standing(
        state=state,
        **numbers,
        reused=sweep.reused,
        budget=most,
        per_minute=rate,
        ends_in_ms=ends_in,
        elapsed=wording.span(parent.start_time, parent.end_time, now_ms),
    )


def _state(sweep: Sweep, parent: RunInfo) -> str:
    if parent.status in ("RUNNING", "SCHEDULED"):
        return "running"
    noted = sweep.tags.get(STATE, "")
    if noted in ("finished", "stopped", "failed"):
        return noted
    if sweep.is_runners:
        return "interrupted"
    return {"FINISHED": "finished", "KILLED": "stopped"}.get(parent.status, "failed")


def _per_minute(counted: list[Trial], now_ms: int | None) -> float | None:
    """How many trials end a minute; at `now_ms`, where they still do, a pause since the last one counts."""
    ends = sorted(trial.end_ms for trial in counted if trial.end_ms is not None)[-_RATE_OVER - 1 :]
    if len(ends) < 3:
        return None
    steps = len(ends) - 1
    span_ms = ends[-1] - ends[0]
    if now_ms is not None and span_ms > 0 and now_ms - ends[-1] > 2 * span_ms / steps:
        span_ms = now_ms - ends[0]
    return None if span_ms <= 0 else steps / (span_ms / 60_000)
