"""Whether a point keeps what the sweep demands beside its objective."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.model.sweep import Constraint

if TYPE_CHECKING:
    from runner.sweeping.ledger import Ledger


def violations(ledger: Ledger, point: int) -> tuple[float, ...]:
    """For each constraint by how much the point is outside; 0 or less: it is kept. Infinite: not measured."""
    return tuple(_violation(ledger, point, constraint) for constraint in ledger.sweep.constraints)


def _violation(ledger: Ledger, point: int, constraint: Constraint) -> float:
    measured = [
        result.metrics[constraint.metric]
        for result in ledger.results(point)
        if result.metrics is not None and constraint.metric in result.metrics
    ]
    unit = _unit(ledger, constraint)
    if not measured or unit is None:
        return math.inf
    value = math.fsum(measured) / len(measured)
    below = -math.inf if constraint.minimum is None else constraint.minimum * unit - value
    above = -math.inf if constraint.maximum is None else value - constraint.maximum * unit
    worst = max(below, above)
    return math.inf if math.isnan(worst) else worst


def _unit(ledger: Ledger, constraint: Constraint) -> float | None:
    if not constraint.relative_to_baseline:
        return 1.0
    baseline = ledger.baseline
    if baseline is None or baseline.result is None or baseline.result.metrics is None:
        return None
    return baseline.result.metrics.get(constraint.metric)
