"""The rule that a sweep declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from runner.model.sweep import EarlyStop, Objective, StopRuleName, Sweep
from runner.search.stopping.alone import PatienceRule, TargetRule
from runner.search.stopping.halving import HalvingRule
from runner.search.stopping.percentile import PercentileRule
from runner.search.stopping.protocol import StoppingRule

_RULES: Mapping[StopRuleName, Callable[[EarlyStop, Objective], StoppingRule]] = {
    "median": PercentileRule,
    "percentile": PercentileRule,
    "asha": HalvingRule,
    "hyperband": HalvingRule,
    "patience": PatienceRule,
    "target": TargetRule,
}


def rule_for(sweep: Sweep) -> StoppingRule | None:
    """A new rule as `sweep.early_stop` declares it; None where no trial is to be stopped early."""
    if sweep.early_stop is None:
        return None
    return _RULES[sweep.early_stop.rule](sweep.early_stop, watched_objective(sweep))


def watched_objective(sweep: Sweep) -> Objective:
    """What the rule looks at: the sweep's first objective, or another metric in its place.

    Goal and mode are then those of the objective of that name, if it is one of several, else of the first.
    """
    wanted = sweep.early_stop.metric if sweep.early_stop is not None else None
    if wanted is None or wanted == sweep.objective.metric:
        return sweep.objective
    for objective in sweep.objectives:
        if objective.metric == wanted:
            return objective
    return replace(sweep.objective, metric=wanted, target=None)
