"""The `parameters` of a sweep: what is searched, what is fixed, and when a parameter matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from runner.errors import suggestion
from runner.manifest.document import Node
from runner.manifest.findings import Findings
from runner.manifest.sweeps.domain import Declared, read_domain
from runner.manifest.sweeps.values import allowed, is_endless, is_text_of, same_in
from runner.model.parameter import Parameter
from runner.model.project import EntryPoint
from runner.model.space import Dimension, Domain, Space, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """What the `parameters` of a sweep say. `lines` are where each stands."""

    space: Space = field(default_factory=Space)
    fixed: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


def read_space(
    node: Node, entry_point: EntryPoint | None, findings: Findings, *, key: str, seeded: str | None
) -> Declarations:
    """Reads the map of parameters; `seeded` is the one that each trial gets its seed in.

    `entry_point` None: what it declares is not looked at.
    """
    declared: dict[str, Declared] = {}
    for name, entry in node.fields.items():
        place = f"{key}.{name}"
        parameter = _parameter(name, entry_point)
        if entry_point is not None and parameter is None:
            check_declared(name, entry_point, findings, key=place, line=entry.line)
        found = read_domain(name, entry.node, parameter, findings, key=place, line=entry.line)
        if found is not None:
            declared[name] = found
    fixed = {name: found.fixed for name, found in declared.items() if found.fixed is not None}
    searched = {name: found for name, found in declared.items() if found.domain is not None}
    conditions = _Conditions(node, searched, fixed, seeded, findings)
    dimensions = [
        dimension for found in searched.values() if (dimension := conditions.dimension(found)) is not None
    ]
    space = Space(dimensions=_ordered(dimensions, searched, findings, key))
    return Declarations(
        space=space, fixed=fixed, lines={name: found.line for name, found in declared.items()}
    )


def _parameter(name: str, entry_point: EntryPoint | None) -> Parameter | None:
    declared = () if entry_point is None else entry_point.parameters
    return next((parameter for parameter in declared if parameter.name == name), None)


def check_declared(
    name: str, entry_point: EntryPoint, findings: Findings, *, key: str, line: int
) -> Parameter | None:
    """The entry point's parameter; an error where it declares none of that name. A script takes all."""
    parameter = _parameter(name, entry_point)
    if parameter is None and not entry_point.script:
        known = [declared.name for declared in entry_point.parameters]
        meant = suggestion(name, known)
        findings.error(
            f"entry point {entry_point.name!r} declares no parameter {name!r}",
            line=line,
            key=key,
            hint=f"did you mean {meant!r}?" if meant else f"declared: {', '.join(known) or 'none'}",
            formal=False,
        )
    return parameter


class _Conditions:
    def __init__(
        self,
        node: Node,
        searched: Mapping[str, Declared],
        fixed: Mapping[str, str],
        seeded: str | None,
        findings: Findings,
    ) -> None:
        self.node = node
        self.searched = searched
        self.fixed = fixed
        self.seeded = seeded
        self.findings = findings

    def dimension(self, declared: Declared) -> Dimension | None:
        """The dimension; None where a fixed parameter rules it out."""
        assert declared.domain is not None
        dimension = Dimension(name=declared.name, domain=declared.domain)
        if declared.when is None:
            return dimension
        when: list[tuple[str, tuple[Value, ...]]] = []
        for other, entry in declared.when.node.fields.items():
            values = entry.node.items if entry.node.kind == "list" else (entry.node,)
            if other in self.fixed:
                if not any(is_text_of(self.fixed[other], value) for value in values):
                    declared.when.warning(
                        other,
                        f"{declared.name!r} never matters and is left out: {other!r} is always "
                        f"{self.fixed[other]!r}",
                    )
                    return None
            elif other in self.searched:
                when.append((other, self._values(declared, other, values)))
            elif other not in self.node.fields:
                self._unknown(declared, other)
        return replace(dimension, when=tuple(when))

    def _unknown(self, declared: Declared, other: str) -> None:
        assert declared.when is not None
        names = [name for name in self.node.fields if name != declared.name]
        meant = suggestion(other, names)
        why = "is given each trial's seed" if other == self.seeded else "is no parameter of this sweep"
        declared.when.error(
            other,
            f"when of {declared.name!r} asks for {other!r}, which {why}",
            f"did you mean {meant!r}?" if meant else None,
        )

    def _values(self, declared: Declared, other: str, nodes: Iterable[Node]) -> tuple[Value, ...]:
        assert declared.when is not None
        domain = self.searched[other].domain
        assert domain is not None
        if is_endless(Dimension(name=other, domain=domain)):
            declared.when.error(
                other,
                f"when of {declared.name!r} asks for {other!r}, which is continuous",
                f"give {other} a step, or values",
            )
            return ()
        return tuple(
            value for node in nodes if (value := self._value(declared, other, domain, node)) is not None
        )

    def _value(self, declared: Declared, other: str, domain: Domain, node: Node) -> Value | None:
        assert declared.when is not None
        value = same_in(domain, node)
        if value is None:
            known = [str(point) for point in domain.points() or ()][:100]
            meant = suggestion(node.text, known)
            declared.when.error(
                other,
                f"when of {declared.name!r} asks for {other}: {node.text}, but it is {allowed(domain)}",
                f"did you mean {meant!r}?" if meant else None,
            )
        return value


def _ordered(
    dimensions: list[Dimension], searched: Mapping[str, Declared], findings: Findings, key: str
) -> tuple[Dimension, ...]:
    """Each behind those that its `when` names, otherwise as written."""
    ordered: dict[str, Dimension] = {}
    names = {dimension.name for dimension in dimensions}
    left = dimensions
    while left:
        ready = next(
            (
                dimension
                for dimension in left
                if all(other in ordered or other not in names for other, _ in dimension.when)
            ),
            None,
        )
        if ready is None:
            circle = ", ".join(repr(dimension.name) for dimension in left)
            findings.error(
                f"when goes in a circle: {circle} wait for each other",
                line=searched[left[0].name].line,
                key=f"{key}.{left[0].name}.when",
                formal=False,
            )
            return tuple(dimensions)
        left = [dimension for dimension in left if dimension is not ready]
        # What asks for a parameter that is never there is never there either.
        if all(other in ordered for other, _ in ready.when):
            ordered[ready.name] = ready
        else:
            names.discard(ready.name)
    return tuple(ordered.values())
