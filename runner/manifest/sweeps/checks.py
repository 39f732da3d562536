"""What makes no sense in a sweep although each of its fields is right."""

from __future__ import annotations

from collections import Counter

from runner.errors import ManifestError
from runner.manifest.sweeps.fields import Fields
from runner.manifest.sweeps.space import Declarations
from runner.model.project import EntryPoint
from runner.model.sweep import EarlyStop, StopRuleName, Sweep
from runner.search.engines import check as check_search

_COMMON = ("type", "metric", "min_iter")
RULE_KEYS: dict[StopRuleName, tuple[str, ...]] = {
    "median": (*_COMMON, "min_trials", "interval"),
    "percentile": (*_COMMON, "min_trials", "interval", "percentile"),
    "asha": (*_COMMON, "max_iter", "eta", "min_trials"),
    "hyperband": (*_COMMON, "max_iter", "eta", "min_trials", "brackets"),
    "patience": (*_COMMON, "patience", "min_delta"),
    "target": (*_COMMON, "target"),
}
_COMPARING = ("median", "percentile", "asha", "hyperband")


def check_sweep(sweep: Sweep, entry_point: EntryPoint | None, fields: Fields, declared: Declarations) -> None:
    """Adds what is wrong; `declared` is what its parameters say."""
    _check_objectives(sweep, fields)
    _check_method(sweep, fields)
    _check_budget(sweep, fields, declared)
    if sweep.early_stop is not None:
        _check_early_stop(sweep, sweep.early_stop, fields)
    _check_failures(sweep, fields)
    _check_repeats(sweep, fields)
    _check_determinism(sweep, fields)
    _check_seeded(sweep, fields, declared)
    if entry_point is not None:
        _check_command(sweep, entry_point, fields, declared)


def _check_objectives(sweep: Sweep, fields: Fields) -> None:
    if "metric" in fields and "metrics" in fields:
        fields.error("metrics", "metric and metrics are both there", "keep one of them")
    elif "metric" not in fields and "metrics" not in fields:
        fields.error("", f"sweep {sweep.name!r} has no metric", "add metric: {name: …, goal: minimize}")
    names = Counter(objective.metric for objective in sweep.objectives)
    for name, count in names.items():
        if count > 1:
            fields.error("metrics", f"the metric {name!r} is there {count} times")
    targets = {objective.target for objective in sweep.objectives} | {sweep.stop.target}
    if sweep.stop.target is not None and len(sweep.objectives) > 1:
        fields.error("stop", "stop.target does not say which metric is meant", "give the metric its target")
    elif sweep.stop.target is not None and len(targets - {None}) > 1:
        fields.error("stop", "stop.target and the metric's target differ", "keep one of them")
    for constraint in sweep.constraints:
        if constraint.relative_to_baseline and sweep.baseline is None:
            fields.error("constraints", "a constraint is relative_to baseline, and there is no baseline")
        low, high = constraint.minimum, constraint.maximum
        if low is not None and high is not None and low > high:
            fields.error("constraints", f"no value of {constraint.metric!r} is between {low:g} and {high:g}")


def _check_method(sweep: Sweep, fields: Fields) -> None:
    """The search itself knows what it can do."""
    try:
        check_search(sweep)
    except ManifestError as error:
        own = f"sweeps.{sweep.name}."
        path = (error.key or "").removeprefix(own)
        message = str(error).removeprefix(f"{error.path}:{error.line}: ").removeprefix(f"{own}{path}: ")
        fields.findings.error(
            message, line=_line_of(fields, path), key=f"{fields.key}.{path}", hint=error.hint, formal=False
        )


def _line_of(fields: Fields, path: str) -> int:
    """Where the field of a dotted name is; where that is not written, what it would be in."""
    node, line = fields.node, fields.node.line
    for step in path.split("."):
        if step not in node.fields:
            break
        node, line = node.fields[step].node, node.fields[step].line
    return line


def _check_budget(sweep: Sweep, fields: Fields, declared: Declarations) -> None:
    written = fields.get("parameters")
    if not sweep.space.dimensions and (written is None or set(written.fields) == set(declared.lines)):
        hint = "give a parameter {min: …, max: …} or values"
        fields.error("parameters", f"sweep {sweep.name!r} searches nothing", hint)
    if sweep.max_trials is None:
        if sweep.method != "grid" and "max_trials" not in fields:
            fields.error(
                "", f"sweep {sweep.name!r} does not say how many trials there are", "add max_trials: 50"
            )
        return
    most = 1
    for dimension in sweep.space.dimensions:
        size = dimension.domain.size
        if size is None:
            break
        most *= size
    else:
        if sweep.space.dimensions and most < sweep.max_trials:
            fields.warning(
                "max_trials",
                f"there are at most {most} different trials, fewer than max_trials: {sweep.max_trials}",
            )
    if sweep.parallel > sweep.max_trials * sweep.repeats.count:
        fields.warning(
            "parallel", f"parallel is {sweep.parallel}, but there are only {sweep.max_trials} trials"
        )
    if len(sweep.initial_points) > sweep.max_trials:
        fields.warning(
            "initial_points",
            f"of {len(sweep.initial_points)} initial points only {sweep.max_trials} are tried",
        )


def _check_early_stop(sweep: Sweep, rule: EarlyStop, fields: Fields) -> None:
    inner = fields.map("early_terminate", None) if _is_map(fields, "early_terminate") else None
    for name in () if inner is None else inner.node.fields:
        known = {key for keys in RULE_KEYS.values() for key in keys}
        if name in known and name not in RULE_KEYS[rule.rule]:
            assert inner is not None
            owners = [other for other, keys in RULE_KEYS.items() if name in keys]
            inner.error(name, f"{rule.rule} has no {name}", f"it belongs to {', '.join(owners)}")
    if rule.rule == "target" and rule.target is None:
        fields.error("early_terminate", "early_terminate of type target has no target", "add target: …")
    if rule.max_step is not None and rule.max_step <= rule.min_step:
        fields.error(
            "early_terminate", f"max_iter {rule.max_step} must be more than min_iter {rule.min_step}"
        )
    if rule.rule in ("asha", "hyperband") and rule.min_step < 1:
        fields.error(
            "early_terminate", f"{rule.rule} needs a min_iter of 1 or more: its rungs are multiples of it"
        )
    if len(sweep.objectives) > 1 and rule.metric is None:
        fields.error(
            "early_terminate", "early_terminate does not say which metric it watches", "add metric: …"
        )


def _check_failures(sweep: Sweep, fields: Fields) -> None:
    if sweep.on_failure == "baseline" and sweep.baseline is None:
        fields.error("on_failure", "on_failure is baseline, and there is no baseline", "add baseline: {}")


def _check_repeats(sweep: Sweep, fields: Fields) -> None:
    repeats, seed = sweep.repeats, sweep.trial_seed
    if repeats.top_k is not None and repeats.count == 1:
        fields.error("repeats", "top_k says which trials are repeated, but not how often", "add n: 3")
    if repeats.count > 1 and seed is None:
        fields.warning(
            "repeats",
            "all repeats of a trial get the same parameters, a seed among them",
            "add trial_seed: {parameter: seed, mode: per_repeat}",
        )
    if repeats.count > 1 and seed is not None and seed.mode == "fixed":
        fields.error(
            "trial_seed", "with a fixed seed all repeats are the same trial", "write mode: per_repeat"
        )
    if repeats.count == 1 and seed is not None and seed.mode == "per_repeat":
        fields.warning(
            "trial_seed",
            "mode per_repeat without repeats is one seed for all trials",
            "add repeats: 3, or write mode: fixed",
        )


def _check_determinism(sweep: Sweep, fields: Fields) -> None:
    if sweep.window is not None and not sweep.deterministic:
        fields.error("window", "window is for deterministic sweeps only", "add deterministic: true")
    if sweep.deterministic and sweep.early_stop is not None and sweep.early_stop.rule in _COMPARING:
        fields.error(
            "early_terminate",
            f"what {sweep.early_stop.rule} stops depends on which trial happens to be ahead, "
            "so the sweep would not be deterministic",
            "leave early_terminate out, or write type: patience or type: target",
        )
    if sweep.deterministic and sweep.stop.max_time_s is not None:
        fields.warning("stop", "how many trials max_time leaves is not deterministic; which they are is")


def _check_seeded(sweep: Sweep, fields: Fields, declared: Declarations) -> None:
    if sweep.trial_seed is not None and sweep.trial_seed.parameter in declared.lines:
        name = sweep.trial_seed.parameter
        fields.error(
            "trial_seed", f"{name!r} is given each trial's seed, and is in parameters too", "keep one of them"
        )


def _check_command(sweep: Sweep, entry_point: EntryPoint, fields: Fields, declared: Declarations) -> None:
    parameters = {parameter.name: parameter for parameter in entry_point.parameters}
    used = _names_in_command(entry_point)
    given = [*declared.lines, *([sweep.trial_seed.parameter] if sweep.trial_seed else [])]
    for name in given:
        if used is not None and name in parameters and name not in used:
            where = f"parameters.{name}" if name in declared.lines else "trial_seed"
            fields.findings.warning(
                f"{name!r} does nothing: the command of {entry_point.name!r} never uses it",
                line=declared.lines.get(name, fields.line("trial_seed")),
                key=f"{fields.key}.{where}",
                hint=f"add --{name.replace('_', '-')} {{{name}}} to the command",
            )
    for dimension in sweep.space.dimensions:
        parameter = parameters.get(dimension.name)
        if dimension.when and parameter is not None and parameter.required:
            fields.findings.error(
                f"{dimension.name!r} is left out of trials where it does not matter, "
                f"but entry point {entry_point.name!r} requires it",
                line=declared.lines[dimension.name],
                key=f"{fields.key}.parameters.{dimension.name}",
                hint="give it a default, or optional: true, in the entry point",
                formal=False,
            )


def _names_in_command(entry_point: EntryPoint) -> frozenset[str] | None:
    if entry_point.script:
        return None
    try:
        return frozenset(entry_point.template().names)
    except ManifestError:
        return None


def _is_map(fields: Fields, name: str) -> bool:
    node = fields.get(name)
    return node is not None and node.kind == "map"
