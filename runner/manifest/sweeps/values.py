"""A value for a parameter of the entry point, as a sweep writes it."""

from __future__ import annotations

from runner.errors import InvalidParameter
from runner.manifest.document import Node
from runner.manifest.sweeps.quantities import number_of, whole_of
from runner.model.parameter import FALSE_WORDS, TRUE_WORDS, Parameter, list_text
from runner.model.space import Choice, Dimension, Domain, Normal, Range, Value, text_of


def is_value(node: Node) -> bool:
    """Whether it can be a value: a scalar that is something, or a list of such for a list."""
    if node.kind == "list":
        return all(item.kind == "scalar" and not item.is_null for item in node.items)
    return node.kind == "scalar" and not node.is_null


def value_of(node: Node, declared: Parameter | None) -> Value:
    """The value in the type that the entry point declares; as YAML reads it where that says nothing."""
    if node.kind == "list":
        return list_text(tuple(str(item.plain()) for item in node.items))
    kind = None if declared is None else declared.kind
    whole, number = whole_of(node), number_of(node)
    if kind == "int" and whole is not None:
        return whole
    if kind == "float" and number is not None:
        return float(number)
    if kind == "bool" and isinstance(node.scalar, str) and node.text.lower() in TRUE_WORDS | FALSE_WORDS:
        return node.text.lower() in TRUE_WORDS
    return node.scalar if isinstance(node.scalar, (str, int, float, bool)) else node.text


def misfit(value: Value, declared: Parameter | None) -> InvalidParameter | None:
    """What the entry point has against a value."""
    try:
        (declared or Parameter(name="")).check(text_of(value))
    except InvalidParameter as error:
        return error
    return None


def same_in(domain: Domain, node: Node) -> Value | None:
    """The value of the domain that is written there, in the domain's own type; None where it has no such."""
    number = number_of(node)
    if isinstance(domain, Choice):
        return _chosen(domain, node)
    if number is None or not domain.includes(number):
        return None
    if isinstance(domain, Normal) or domain.stride is None:
        return float(number)
    return domain.nth(round((number - domain.minimum) / domain.stride))


def _chosen(domain: Choice, node: Node) -> Value | None:
    written = value_of(node, None)
    for value in domain.values:
        if type(value) is type(written) and value == written:
            return value
    number = number_of(node)
    for value in domain.values:
        if text_of(value) == text_of(written):
            return value
        if isinstance(value, bool):
            if isinstance(written, str) and written.lower() == text_of(value).lower():
                return value
        elif number is not None and not isinstance(value, str) and value == number:
            return value
    return None


def is_text_of(text: str, node: Node) -> bool:
    """Whether a fixed parameter's text is what is written there."""
    written = text_of(value_of(node, None))
    if text == written:
        return True
    number = number_of(node)
    if number is None:
        return isinstance(node.scalar, bool) and text.lower() == written.lower()
    return number_of(Node("scalar", 1, 1, scalar=text, text=text)) == number


def allowed(domain: Domain) -> str:
    """What the values of a domain are, for a message."""
    if isinstance(domain, Choice):
        return f"one of {', '.join(map(text_of, domain.values))}"
    if isinstance(domain, Range):
        step = f" in steps of {domain.step:g}" if domain.step is not None else ""
        return f"between {domain.minimum:g} and {domain.maximum:g}{step}"
    return "a number above 0" if domain.log else "a number"


def is_endless(dimension: Dimension) -> bool:
    """Whether there is no end of its values."""
    return dimension.domain.size is None
