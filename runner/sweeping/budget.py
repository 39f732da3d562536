"""How many trials a budget of points makes."""

from __future__ import annotations

from runner.model.sweep import Sweep


def trials_in_all(sweep: Sweep, points: int | None) -> int | None:
    """The trials of so many points, repeats included; None where the number of points has no limit."""
    if points is None:
        return None
    repeats = sweep.repeats
    if repeats.top_k is not None:
        return points + min(repeats.top_k, points) * (repeats.count - 1)
    return points * repeats.count
