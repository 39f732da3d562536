"""A sweep as plain data, and back.

The recorded form is the format itself, in our words and resolved: what can be read back from a journal could
be put into a project file, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from runner.errors import ManifestError
from runner.manifest.document import Field, Node
from runner.manifest.findings import Findings
from runner.manifest.sweeps.checks import RULE_KEYS
from runner.manifest.sweeps.reader import EntryPoints
from runner.manifest.sweeps.section import sweep_of
from runner.model.space import Choice, Dimension, Normal, Value
from runner.model.sweep import (
    Baseline,
    Constraint,
    EarlyStop,
    Objective,
    Repeats,
    Resources,
    Retries,
    StopWhen,
    Sweep,
    TrialSeed,
)

Plain = dict[str, object]


def describe(sweep: Sweep) -> Plain:
    """All of a sweep but its name and place, as it would stand in a project file; JSON can hold it."""
    objectives = [_objective(objective) for objective in sweep.objectives]
    several = len(objectives) > 1
    fixed = {name: {"value": text} for name, text in sweep.fixed.items()}
    plain: Plain = {
        "entry_point": sweep.entry_point,
        "description": sweep.description or None,
        "method": sweep.method,
        "engine": sweep.engine,
        "engine_options": dict(sweep.engine_options) or None,
        "metric": None if several or not objectives else objectives[0],
        "metrics": objectives if several else None,
        "constraints": [_constraint(constraint) for constraint in sweep.constraints] or None,
        "parameters": {**_space(sweep.space.dimensions), **fixed},
        "max_trials": sweep.max_trials,
        "parallel": sweep.parallel,
        "early_terminate": None if sweep.early_stop is None else _early_stop(sweep.early_stop),
        "stop": _stop(sweep.stop) or None,
        "retries": _retries(sweep.retries),
        "timeout": sweep.trial_timeout_s,
        "on_failure": sweep.on_failure,
        "seed": sweep.seed,
        "trial_seed": None if sweep.trial_seed is None else _trial_seed(sweep.trial_seed),
        "repeats": _repeats(sweep.repeats),
        "deterministic": sweep.deterministic,
        "window": sweep.window,
        "baseline": None if sweep.baseline is None else _baseline(sweep.baseline),
        "initial_points": [dict(point) for point in sweep.initial_points] or None,
        "warm_start": list(sweep.warm_start) or None,
        "reuse_finished": sweep.reuse_finished,
        "resources": _resources(sweep.resources),
        "warm": sweep.warm,
    }
    return _without_none(plain)


def sweep_from(
    name: str,
    plain: Mapping[str, object],
    *,
    entry_points: EntryPoints | None = None,
    path: Path | None = None,
) -> Sweep:
    """The sweep that `describe` described; with `entry_points`, compared with what it runs.

    Raises ManifestError, whose `key` is the dotted name of the field, for data that is no sweep.
    """
    findings = Findings(path or Path("sweep"))
    sweep = sweep_of(name, node_of(plain), entry_points, findings, key="")
    for problem in findings.problems:
        if problem.severity == "error":
            raise ManifestError(
                problem.message, path=path, key=problem.key.lstrip("."), hint=problem.suggestion
            )
    assert sweep is not None  # only where there is an error
    return sweep


def node_of(plain: object) -> Node:
    """The tree of plain data."""
    if isinstance(plain, Mapping):
        return Node("map", 1, 1, fields={str(key): Field(1, node_of(value)) for key, value in plain.items()})
    if isinstance(plain, (list, tuple)):
        return Node("list", 1, 1, items=tuple(map(node_of, plain)))
    return Node("scalar", 1, 1, scalar=plain, text="" if plain is None else str(plain))


def _without_none(plain: Plain) -> Plain:
    return {key: value for key, value in plain.items() if value is not None}


def _objective(objective: Objective) -> Plain:
    return _without_none(
        {
            "name": objective.metric,
            "goal": objective.goal,
            "mode": objective.mode,
            "target": objective.target,
        }
    )


def _constraint(constraint: Constraint) -> Plain:
    return _without_none(
        {
            "metric": constraint.metric,
            "min": constraint.minimum,
            "max": constraint.maximum,
            "relative_to": "baseline" if constraint.relative_to_baseline else None,
        }
    )


def _space(dimensions: Iterable[Dimension]) -> Plain:
    return {dimension.name: _dimension(dimension) for dimension in dimensions}


def _dimension(dimension: Dimension) -> Plain:
    domain = dimension.domain
    when: dict[str, list[Value]] = {other: list(values) for other, values in dimension.when}
    if isinstance(domain, Choice):
        shares = None if domain.probabilities is None else list(domain.probabilities)
        plain: Plain = {"values": list(domain.values), "probabilities": shares}
    elif isinstance(domain, Normal):
        plain = {"mu": domain.mean, "sigma": domain.deviation, "log": domain.log, "step": domain.step}
    else:
        plain = {
            "min": domain.minimum,
            "max": domain.maximum,
            "log": domain.log,
            "step": domain.step,
            "type": "int" if domain.integer else "float",
        }
    return _without_none({**plain, "when": when or None})


def _early_stop(rule: EarlyStop) -> Plain:
    plain: Plain = {
        "type": rule.rule,
        "metric": rule.metric,
        "min_iter": rule.min_step,
        "max_iter": rule.max_step,
        "eta": rule.eta,
        "brackets": rule.brackets,
        "min_trials": rule.min_trials,
        "interval": rule.interval_steps,
        "percentile": rule.percentile,
        "patience": rule.patience,
        "min_delta": rule.min_delta,
        "target": rule.target,
    }
    return _without_none({key: value for key, value in plain.items() if key in RULE_KEYS[rule.rule]})


def _stop(stop: StopWhen) -> Plain:
    return _without_none(
        {
            "target": stop.target,
            "no_improvement": stop.no_improvement_trials,
            "max_time": stop.max_time_s,
            "max_failed_trials": stop.max_failed_trials,
            "max_failure_rate": stop.max_failure_rate,
        }
    )


def _retries(retries: Retries) -> Plain:
    return {"max": retries.limit, "on": sorted(retries.on)}


def _trial_seed(seed: TrialSeed) -> Plain:
    return {"parameter": seed.parameter, "mode": seed.mode}


def _repeats(repeats: Repeats) -> Plain:
    return _without_none({"n": repeats.count, "aggregate": repeats.aggregate, "top_k": repeats.top_k})


def _baseline(baseline: Baseline) -> Plain:
    return {"parameters": dict(baseline.parameters), "cap": baseline.cap}


def _resources(resources: Resources) -> Plain:
    return _without_none({"cpus": resources.cpus, "gpus": resources.gpus, "memory": resources.memory_bytes})
