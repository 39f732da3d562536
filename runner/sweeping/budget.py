"""How many points a search has, and how many trials they make."""

from __future__ import annotations

from runner.model.sweep import Sweep


def points_in_all(sweep: Sweep, budget: int | None) -> int | None:
    """The points of a search with this budget: no more than a grid has. None where there is no end."""
    size = sweep.space.size if sweep.method == "grid" else None
    return min((number for number in (size, budget) if number is not None), default=None)


def trials_in_all(sweep: Sweep, points: int | None) -> int | None:
    """The trials of so many points, repeats included; None where the number of points has no limit."""
    if points is None:
        return None
    repeats = sweep.repeats
    if repeats.top_k is not None:
        return points + min(repeats.top_k, points) * (repeats.count - 1)
    return points * repeats.count
