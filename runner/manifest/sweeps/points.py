"""The `initial_points` of a sweep: trials that are tried before anything is suggested."""

from __future__ import annotations

from runner.errors import suggestion
from runner.manifest.sweeps.fields import Fields
from runner.manifest.sweeps.space import Declarations
from runner.manifest.sweeps.values import allowed, same_in
from runner.model.space import Params, Value


def read_points(fields: Fields, declared: Declarations) -> tuple[Params, ...]:
    """The points, each whole: every parameter that matters has a value in it."""
    return tuple(_point(point, declared) for point in fields.maps("initial_points", None))


def _point(point: Fields, declared: Declarations) -> Params:
    values: dict[str, Value] = {}
    for name, entry in point.node.fields.items():
        if entry.node.kind != "scalar" or entry.node.is_null:
            point.wrong(name, "a value")
            return {}
        if name not in declared.space.names:
            _not_searched(point, name, declared)
            continue
        domain = declared.space[name].domain
        value = same_in(domain, entry.node)
        if value is None:
            point.error(name, f"{name} must be {allowed(domain)}, not {entry.node.text}")
            continue
        values[name] = value
    params = declared.space.narrowed(values)
    for dimension in declared.space.dimensions:
        if dimension.matters(params) and dimension.name not in point:
            point.error("", f"an initial point has no {dimension.name}", f"add {dimension.name}: …")
    for name in values:
        if name not in params:
            point.error(name, f"{name} does not matter with the other values of this point", "leave it out")
    return params


def _not_searched(point: Fields, name: str, declared: Declarations) -> None:
    if name in declared.fixed:
        point.error(name, f"{name} is not searched: it is always {declared.fixed[name]}", "leave it out")
    elif name not in declared.lines:
        meant = suggestion(name, declared.space.names)
        known = f"searched: {', '.join(declared.space.names) or 'none'}"
        point.error(name, f"{name} is not searched", f"did you mean {meant!r}?" if meant else known)
