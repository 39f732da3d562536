"""JSON and YAML as an outline that folds: a bounded part of what may be endless, deep, or refer to itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

MOST_NODES = 3_000
MOST_IN_ONE = 200
MOST_DEEP = 30
MOST_CHARACTERS = 2_000
OPEN_NODES = 60
"""How many lines are unfolded at first, level by level."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, or a word such as null, as it is written in the file."""

    written: str


@dataclass(slots=True, kw_only=True)
class Node:
    """A value, and the name or place that it has in what holds it.

    `shown` is the value, or for what holds others how many; `how` says what it is: "text", "literal",
    "object" or "list". `left_out` of what it holds is not shown.
    """

    name: str
    how: str
    shown: str
    below: list[Node] = field(default_factory=list)
    left_out: int = 0
    is_open: bool = False


class Unreadable(Exception):
    """The text is not of the format. The message says where."""


def of_json(text: str) -> Any:
    """The value of JSON, its numbers as they are written. Raises Unreadable."""
    try:
        return json.loads(text, parse_int=Literal, parse_float=Literal, parse_constant=Literal)
    except RecursionError:
        raise Unreadable("It is nested too deeply.") from None
    except ValueError as error:
        raise Unreadable(f"It is not valid JSON: {error}") from None


def of_yaml(text: str) -> Any:
    """The value of YAML, its numbers as they are written, whatever its tags say: nothing is made of them.

    Merges (`<<`) and repeated values stay references, so that a short text cannot become a large value. Of
    several documents, the list. Raises Unreadable.
    """
    import yaml

    try:
        documents = list(yaml.compose_all(text, Loader=_yaml_loader()))
        values = [_plain(document, {}) for document in documents]
    except RecursionError:
        raise Unreadable("It is nested too deeply.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(f"It is not valid YAML: {error}") from None
    return values[0] if len(values) == 1 else values


@cache
def _yaml_loader() -> Any:
    import yaml

    # Not everybody's PyYAML brings the fast one.
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _plain(node: Any, known: dict[int, Any]) -> Any:
    """What a node of PyYAML holds; `known` by the identity of nodes that were seen."""
    if id(node) in known:
        return known[id(node)]
    if node.id == "mapping":
        mapping: dict[str, Any] = {}
        known[id(node)] = mapping
        for key, value in node.value:
            mapping[str(key.value) if key.id == "scalar" else f"({key.id})"] = _plain(value, known)
        return mapping
    if node.id == "sequence":
        sequence: list[Any] = []
        known[id(node)] = sequence
        sequence.extend(_plain(value, known) for value in node.value)
        return sequence
    is_text = node.tag == "tag:yaml.org,2002:str" or not node.tag.startswith("tag:yaml.org,2002:")
    return node.value if is_text else Literal(node.value or "null")


def outline(value: Any) -> Node:
    """The outline of a value of `of_json` or `of_yaml`."""
    left = [MOST_NODES]
    root = _node("", value, 0, left)
    _open(root)
    return root


def _node(name: str, value: Any, depth: int, left: list[int]) -> Node:
    left[0] -= 1
    if isinstance(value, Literal):
        return Node(name=name, how="literal", shown=_clipped(value.written))
    if isinstance(value, Mapping):
        node = Node(name=name, how="object", shown=_counted(len(value), "key"))
        _fill(node, ((str(key), each) for key, each in value.items()), len(value), depth, left)
        return node
    if isinstance(value, Sequence) and not isinstance(value, str):
        node = Node(name=name, how="list", shown=_counted(len(value), "item"))
        _fill(node, ((str(at), each) for at, each in enumerate(value)), len(value), depth, left)
        return node
    if isinstance(value, str):
        return Node(name=name, how="text", shown=_clipped(value))
    return Node(name=name, how="literal", shown=_word(value))


def _fill(node: Node, pairs: Iterator[tuple[str, Any]], count: int, depth: int, left: list[int]) -> None:
    if depth < MOST_DEEP:
        for name, each in islice(pairs, MOST_IN_ONE):
            if left[0] <= 0:
                break
            node.below.append(_node(_clipped(name), each, depth + 1, left))
    node.left_out = count - len(node.below)


def _open(root: Node) -> None:
    """Unfolds the outermost levels, as far as they fit into a few lines."""
    level, lines = [root], 0
    while level:
        lines += sum(len(node.below) for node in level)
        if lines > OPEN_NODES and root.is_open:
            return
        for node in level:
            node.is_open = True
        level = [each for node in level for each in node.below if each.below]


def compact(value: Any) -> str:
    """A value in one line, as a cell of a table shows it; no more of it is looked at than is shown."""
    if isinstance(value, str):
        return _clipped(value)
    written = ""
    for piece in _pieces(value, MOST_DEEP):
        written += piece
        if len(written) > MOST_CHARACTERS:
            return _clipped(written)
    return written


def _pieces(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Literal):
        yield value.written
    elif isinstance(value, str):
        yield json.dumps(_clipped(value), ensure_ascii=False)
    elif isinstance(value, (Mapping, Sequence)) and depth == 0:
        yield "…"
    elif isinstance(value, Mapping):
        yield "{"
        for at, (key, each) in enumerate(value.items()):
            yield f"{', ' if at else ''}{_clipped(str(key))}: "
            yield from _pieces(each, depth - 1)
        yield "}"
    elif isinstance(value, Sequence):
        yield "["
        for at, each in enumerate(value):
            yield ", " if at else ""
            yield from _pieces(each, depth - 1)
        yield "]"
    else:
        yield _word(value)


def _word(value: Any) -> str:
    return "null" if value is None else str(value).lower()


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _clipped(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
