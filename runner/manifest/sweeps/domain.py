"""One parameter of a sweep: the text that it always has, or the values that it may have."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.manifest.document import Node
from runner.manifest.findings import Findings, describe
from runner.manifest.sweeps.fields import Fields
from runner.manifest.sweeps.keys import NORMAL, RANGE, SEARCHED, VALUE, VALUES
from runner.manifest.sweeps.quantities import number_of
from runner.manifest.sweeps.values import is_value, misfit, value_of
from runner.model.parameter import Parameter
from runner.model.space import Choice, Domain, Normal, Range, Value, text_of

_MOST_POINTS_CHECKED = 1_000
_FAR = 8  # standard deviations: nothing is drawn from further away
_GREATEST_EXPONENT = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a sweep says of a parameter: its only value as text, or its domain. `when` is not read yet."""

    name: str
    line: int
    fixed: str | None = None
    domain: Domain | None = None
    when: Fields | None = None


def read_domain(
    name: str, node: Node, parameter: Parameter | None, findings: Findings, *, key: str, line: int
) -> Declared | None:
    """What is declared; None, and findings, where it is wrong. `parameter` is the entry point's."""
    return _Reader(name, node, parameter, findings, key, line).read()


class _Reader:
    def __init__(
        self, name: str, node: Node, parameter: Parameter | None, findings: Findings, key: str, line: int
    ) -> None:
        self.name = name
        self.node = node
        self.parameter = parameter
        self.findings = findings
        self.key = key
        self.line = line

    def read(self) -> Declared | None:
        if self.node.kind == "scalar":
            return self._fixed(self.node)
        if self.node.kind == "list":
            return self._declared(self._choice(self.node, None))
        fields = Fields(self.node, SEARCHED, self.findings, self.key)
        return self._map(fields)

    def _map(self, fields: Fields) -> Declared | None:
        groups = (("value", VALUE), ("values", VALUES), ("sigma", NORMAL), ("mu", NORMAL), ("min", RANGE))
        first, group = next(((key, keys) for key, keys in groups if key in fields), ("max", RANGE))
        for key in self.node.fields:
            if key in SEARCHED.known and key not in group:
                fields.error(key, f"{key} of {self.name!r} does not go with {first}", formal=True)
                return None
        when = fields.map("when", None)
        if "when" in fields and (when is None or not self._is_condition(when)):
            return None
        if first == "value":
            return self._value(fields, when)
        if first == "values":
            domain: Domain | None = self._values(fields)
        elif group is NORMAL:
            domain = self._normal(fields)
        else:
            domain = self._range(fields)
        declared = self._declared(domain)
        return None if declared is None else replace(declared, when=when)

    def _declared(self, domain: Domain | None) -> Declared | None:
        return None if domain is None else Declared(name=self.name, line=self.line, domain=domain)

    def _error(self, message: str, hint: str | None = None, *, line: int | None = None) -> None:
        self.findings.error(message, line=line or self.line, key=self.key, hint=hint, formal=False)

    def _is_condition(self, when: Fields) -> bool:
        values = [entry.node for entry in when.node.fields.values()]
        items = [item for node in values for item in (node.items if node.kind == "list" else (node,))]
        filled = all(node.kind != "list" or node.items for node in values)
        if not values or not filled or any(item.kind != "scalar" or item.is_null for item in items):
            when.error(
                "",
                f"when of {self.name!r} must be a map of parameters and values",
                "write {optimizer: sgd}",
                formal=True,
            )
            return False
        return True

    # One value, or several

    def _value(self, fields: Fields, when: Fields | None) -> Declared | None:
        node = fields.get("value")
        assert node is not None
        if when is None:
            return self._fixed(node)
        declared = self._declared(self._choice(Node("list", node.line, node.last_line, items=(node,)), None))
        return None if declared is None else replace(declared, when=when)

    def _fixed(self, node: Node) -> Declared | None:
        if not is_value(node):
            self._wrong(node, "a value")
            return None
        value = value_of(node, self.parameter) if node.kind == "list" else None
        text = value if isinstance(value, str) else str(node.plain())
        if not self._fits(text, node):
            return None
        return Declared(name=self.name, line=self.line, fixed=text)

    def _wrong(self, node: Node, must: str) -> None:
        self.findings.error(
            f"parameter {self.name!r} must be {must}, not {describe(node)}",
            line=node.line,
            key=self.key,
            formal=True,
            hint="write a value, a list of values, or a map like {min: 0, max: 1}",
        )

    def _are_values(self, node: Node) -> bool:
        """Whether it is a list of values; an error if it is not."""
        if node.kind == "list" and node.items and all(map(is_value, node.items)):
            return True
        self._wrong(node, "a list of values")
        return False

    def _fits(self, value: Value, node: Node) -> bool:
        if node.kind == "list" and self.parameter is not None and self.parameter.kind != "list":
            self._error(
                f"{self.name!r} is declared as a {self.parameter.kind} by the entry point, not as a list"
            )
            return False
        error = misfit(value, self.parameter or Parameter(name=self.name))
        if error is not None:
            self._error(str(error), error.hint, line=node.line)
        return error is None

    def _values(self, fields: Fields) -> Choice | None:
        node, shares = fields.get("values"), fields.get("probabilities")
        assert node is not None
        probabilities = None if shares is None else self._probabilities(fields, shares)
        if not self._are_values(node) or (shares is not None and probabilities is None):
            return None
        return self._choice(node, probabilities)

    def _probabilities(self, fields: Fields, node: Node) -> tuple[float, ...] | None:
        numbers = [number for item in node.items if (number := number_of(item)) is not None]
        if node.kind != "list" or not node.items or len(numbers) != len(node.items):
            fields.wrong("probabilities", "a list of numbers")
            return None
        total = sum(numbers)
        if min(numbers) < 0 or abs(total - 1) > 1e-6:
            self._error(
                f"the probabilities of {self.name!r} add up to {total:g}, not 1"
                if min(numbers) >= 0
                else f"a probability of {self.name!r} is less than 0",
                line=node.line,
            )
            return None
        return tuple(float(number) for number in numbers)

    def _choice(self, node: Node, probabilities: tuple[float, ...] | None) -> Choice | None:
        if not self._are_values(node):
            return None
        values: list[Value] = []
        given: set[str | bool] = set()
        for item in node.items:
            value = value_of(item, self.parameter)
            if not self._fits(value, item):
                return None
            if (known := self._to_the_program(value)) in given:
                self._error(f"the value {text_of(value)!r} of {self.name!r} is there twice", line=item.line)
                return None
            given.add(known)
            values.append(value)
        if probabilities is not None and len(probabilities) != len(values):
            self._error(
                f"{self.name!r} has {len(values)} values and {len(probabilities)} probabilities",
                "give one for each value",
            )
            return None
        return Choice(values=tuple(values), probabilities=probabilities)

    def _to_the_program(self, value: Value) -> str | bool:
        """What two values have in common that are one to the program: `true` and "True", of a bool 1 too."""
        text = text_of(value)
        return self.parameter.is_true(text) if self.parameter and self.parameter.kind == "bool" else text

    # Numbers

    def _takes_numbers(self, what: str) -> bool:
        kind = "string" if self.parameter is None else self.parameter.kind
        if kind in ("int", "float", "string"):
            return True
        self._error(
            f"{self.name!r} is declared as a {kind} by the entry point, and cannot have {what}",
            "list its values: {values: […]}",
        )
        return False

    def _range(self, fields: Fields) -> Range | None:
        before = len(self.findings.problems)
        for name in ("min", "max"):
            if name not in fields:
                self._error_formal(f"a range of {self.name!r} has no {name}", f"add {name}: …")
        log = fields.flag("log", default=False)
        low, high = fields.number("min", 0.0), fields.number("max", 0.0)
        step = fields.optional_number("step")
        integer = self._is_integer(fields)
        if len(self.findings.problems) > before or not self._takes_numbers("a range"):
            return None
        fault = _fault(low, high, step, log=log, integer=integer)
        if fault is not None:
            self._error(f"{self.name!r}: {fault[0]}", fault[1])
            return None
        domain = Range(minimum=low, maximum=high, log=log, step=step, integer=integer)
        return domain if self._is_within(domain) else None

    def _error_formal(self, message: str, hint: str | None = None) -> None:
        self.findings.error(message, line=self.line, key=self.key, hint=hint, formal=True)

    def _is_integer(self, fields: Fields) -> bool:
        kinds = ("int", "float")
        declared = None if self.parameter is None else self.parameter.kind
        given = fields.word("type", kinds, "float") if "type" in fields else None
        if given is None and declared in kinds:
            return declared == "int"
        if given == "float" and declared == "int":
            self._error(f"{self.name!r} is declared as an int by the entry point, and type says float")
        if given is not None:
            return given == "int"
        numbers = [
            number_of(node) for name in ("min", "max", "step") if (node := fields.get(name)) is not None
        ]
        return all(isinstance(number, int) for number in numbers)

    def _is_within(self, domain: Range) -> bool:
        if self.parameter is None:
            return True
        size = domain.size
        if self.parameter.choices and size is not None and size <= _MOST_POINTS_CHECKED:
            values = domain.points() or ()
        else:
            values = _ends(domain)
        return all(self._fits(value, self.node) for value in values)

    def _normal(self, fields: Fields) -> Normal | None:
        before = len(self.findings.problems)
        if "sigma" not in fields:
            self._error_formal(f"{self.name!r} has mu, but no sigma", "add sigma: …")
        mean, deviation = fields.number("mu", 0.0), fields.number("sigma", 1.0, above=0.0)
        log = fields.flag("log", default=False)
        step = fields.number("step", 1.0, above=0.0) if "step" in fields else None
        if len(self.findings.problems) > before or not self._takes_numbers("a normal distribution"):
            return None
        if self.parameter is not None and self.parameter.kind == "int":
            self._error(
                f"{self.name!r} is declared as an int by the entry point, and normal values have fractions",
                "write {min: …, max: …}, with log: true where small values matter more",
            )
            return None
        if self.parameter is not None and (self.parameter.minimum, self.parameter.maximum) != (None, None):
            fields.warning(
                "", f"a normal distribution of {self.name!r} has no ends, but the entry point gives it limits"
            )
        if log and abs(mean) + _FAR * deviation > _GREATEST_EXPONENT:
            self._error(
                f"the values of {self.name!r} are beyond any number: mu {mean:g} and sigma {deviation:g}",
                "with log, mu and sigma are those of the logarithm",
            )
            return None
        return Normal(mean=mean, deviation=deviation, log=log, step=step)


def _ends(domain: Range) -> tuple[Value, ...]:
    size = domain.size
    if size is None:
        return domain.minimum, domain.maximum
    return domain.nth(0), domain.nth(size - 1)


def _fault(
    low: float, high: float, step: float | None, *, log: bool, integer: bool
) -> tuple[str, str | None] | None:
    """What makes a range senseless, and a hint."""
    if low > high:
        return f"no number is between min {low:g} and max {high:g}", "exchange min and max"
    if low == high:
        return f"min and max are both {low:g}", f"write the value alone: {low:g}"
    if log and low <= 0:
        return f"log needs a min above 0, not {low:g}", "write a small min like 1e-5, or leave log away"
    if step is not None and step <= 0:
        return f"step must be more than 0, not {step:g}", None
    if step is not None and step > high - low:
        return f"the step {step:g} is larger than the range from {low:g} to {high:g}", None
    if integer and not all(float(number).is_integer() for number in (low, high, step or 0.0)):
        return "whole numbers need a whole min, max and step", "write type: float if fractions are meant"
    return None
