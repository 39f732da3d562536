"""The one number of a trial, to those who know only one."""

from __future__ import annotations

import math

from runner.search.protocol import Told


def loss_of(told: Told) -> float | None:
    """What is minimised; None where there is no finite number, or where a constraint is violated."""
    if told.losses is None or not math.isfinite(told.losses[0]) or any(v > 0 for v in told.violations):
        return None
    return told.losses[0]
