"""YAML -> a tree of nodes that know their lines; nothing else of YAML gets past this module.

Plain scalars become what PyYAML's safe loader makes of them, because that is what MLflow sees (YAML 1.1:
`1e-1` is text, `.0` a number, `yes` a bool). Tags that build objects are refused, aliases are counted, and
nesting is limited: the parser of libyaml overflows the stack where it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runner.errors import ManifestError

if TYPE_CHECKING:
    import yaml

LARGEST_FILE_BYTES = 1_048_576
LARGEST_NODE_COUNT = 20_000
DEEPEST_NESTING = 50

_PREFIX = "tag:yaml.org,2002:"
_SCALARS = frozenset({"str", "int", "float", "bool", "null", "timestamp"})


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar (`scalar` as YAML reads it, `text` as written), a `list` of items, or a `map` of fields.

    `line` and `last_line` are 1-based. `size` counts the node and all below it.
    """

    kind: Literal["scalar", "list", "map"]
    line: int
    last_line: int
    scalar: object = None
    text: str = ""
    items: tuple[Node, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    size: int = 1

    @property
    def is_null(self) -> bool:
        """Whether nothing is written there, or `null`, or `~`."""
        return self.kind == "scalar" and self.scalar is None

    @property
    def string(self) -> str | None:
        """The text, where YAML reads text."""
        return self.scalar if self.kind == "scalar" and isinstance(self.scalar, str) else None

    def plain(self) -> object:
        """Python's dicts, lists and scalars, as a safe YAML loader makes them (keys as written)."""
        if self.kind == "list":
            return [item.plain() for item in self.items]
        if self.kind == "map":
            return {key: entry.node.plain() for key, entry in self.fields.items()}
        return self.scalar


@dataclass(frozen=True, slots=True)
class Field:
    """A value in a map, and the line of its key."""

    line: int
    node: Node


def read_document(path: Path) -> tuple[Node, str]:
    """The file's only document (a null scalar for an empty file) and its text.

    Raises ManifestError with the line for anything that is not one safe YAML document.
    """
    text = _read_text(path)
    return parse_document(text, path), text


def parse_document(text: str, path: Path) -> Node:
    """As `read_document`, for text that is at hand; `path` is for messages."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(path).build(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ManifestError(
            f"not valid YAML: {error.problem or error.context}",
            path=path,
            line=None if mark is None else mark.line + 1,
            hint=_yaml_hint(str(error.problem)),
        ) from None
    except yaml.YAMLError as error:
        first_line = str(error).splitlines()[0]
        raise ManifestError(f"not valid YAML: {first_line}", path=path) from None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", path=path) from None
    if len(data) > LARGEST_FILE_BYTES:
        raise ManifestError(f"is larger than {LARGEST_FILE_BYTES} bytes", path=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ManifestError("is not UTF-8 text", path=path, line=line, hint="save it as UTF-8") from None


def _yaml_hint(problem: str) -> str | None:
    if "cannot start any token" in problem:
        return "YAML indents with blanks, not tabs; quote text that starts with a special character"
    if "mapping values are not allowed" in problem:
        return "quote text that holds a colon, and check the indentation"
    return None


@dataclass(slots=True)
class _Open:
    kind: Literal["list", "map"]
    line: int
    anchor: str | None
    nodes: list[Node] = field(default_factory=list)


class _Builder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.count = 0
        self.root: Node | None = None

    def build(self, events: Iterator[yaml.Event]) -> Node:
        import yaml

        for event in events:
            line = _line(event.start_mark)
            match event:
                case yaml.ScalarEvent():
                    self._place(self._scalar(event), event.anchor)
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._open(event, line)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._close(line)
                case yaml.AliasEvent():
                    self._alias(str(event.anchor), line)
                case yaml.DocumentStartEvent() if self.root is not None:
                    raise self._error("a second document starts; a project file is one", line)
                case _:
                    pass
        return self.root or Node("scalar", 1, 1)

    def _error(self, message: str, line: int, hint: str | None = None) -> ManifestError:
        return ManifestError(message, path=self.path, line=line, hint=hint)

    def _open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent, line: int) -> None:
        import yaml

        kind: Literal["list", "map"] = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
        expected = _PREFIX + ("map" if kind == "map" else "seq")
        if event.tag not in (None, "!", expected):
            raise self._refused_tag(event.tag, line)
        if len(self.stack) >= DEEPEST_NESTING:
            raise self._error(f"is nested more than {DEEPEST_NESTING} deep", line)
        self.stack.append(_Open(kind, line, event.anchor))

    def _close(self, line: int) -> None:
        opened = self.stack.pop()
        size = 1 + sum(node.size for node in opened.nodes)
        if opened.kind == "list":
            node = Node("list", opened.line, line, items=tuple(opened.nodes), size=size)
        else:
            node = Node("map", opened.line, line, fields=self._fields(opened), size=size)
        self._place(node, opened.anchor, counted=True)

    def _alias(self, anchor: str, line: int) -> None:
        node = self.anchors.get(anchor)
        if node is None:
            raise self._error(f"the alias *{anchor} has no anchor before it", line)
        self.count += node.size
        self._place(node, None, counted=True)

    def _place(self, node: Node, anchor: str | None, *, counted: bool = False) -> None:
        self.count += 0 if counted else 1
        if self.count > LARGEST_NODE_COUNT:
            raise self._error(f"has more than {LARGEST_NODE_COUNT} values, aliases included", node.line)
        if anchor:
            self.anchors[anchor] = node
        if self.stack:
            self.stack[-1].nodes.append(node)
        else:
            self.root = node

    def _fields(self, opened: _Open) -> dict[str, Field]:
        fields: dict[str, Field] = {}
        merged: dict[str, Field] = {}
        pairs = zip(opened.nodes[::2], opened.nodes[1::2], strict=True)
        for key, value in pairs:
            if key.kind != "scalar" or key.is_null:
                raise self._error("a key must be text", key.line)
            if key.text == "<<":
                for source in value.items if value.kind == "list" else (value,):
                    if source.kind != "map":
                        raise self._error("<< merges maps only", key.line)
                    merged = {**source.fields, **merged}
            elif key.text in fields:
                raise ManifestError(
                    f"the key {key.text!r} is here twice: in lines {fields[key.text].line} and {key.line}",
                    path=self.path,
                    line=key.line,
                    key=key.text,
                    hint="keep one of the two",
                )
            else:
                fields[key.text] = Field(key.line, value)
        return {**merged, **fields}

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        line, last_line = _line(event.start_mark), _line(event.end_mark)
        tag, text = self._scalar_tag(event), event.value
        if tag in (f"{_PREFIX}str", f"{_PREFIX}merge", f"{_PREFIX}value"):
            return Node("scalar", line, last_line, scalar=text, text=text)
        if tag.removeprefix(_PREFIX) not in _SCALARS:
            raise self._refused_tag(tag, line)
        try:
            scalar = _construct(tag, text)
        except (ValueError, KeyError):
            raise self._error(f"{text!r} is not a {tag.removeprefix(_PREFIX)}", line, "quote it") from None
        return Node("scalar", line, last_line, scalar=scalar, text=text)

    def _scalar_tag(self, event: yaml.ScalarEvent) -> str:
        import yaml

        if event.tag is not None and event.tag != "!":
            return str(event.tag)
        if event.implicit[0] and event.tag is None:
            return str(_resolver().resolve(yaml.ScalarNode, event.value, (True, False)))
        return f"{_PREFIX}str"

    def _refused_tag(self, tag: str, line: int) -> ManifestError:
        shown = tag.replace(_PREFIX, "!!")
        return self._error(f"the YAML tag {shown} is not allowed here", line, "write plain values")


def _line(mark: Any) -> int:
    return int(mark.line) + 1


@lru_cache(maxsize=1)
def _resolver() -> Any:
    from yaml.resolver import Resolver

    return Resolver()


def _construct(tag: str, text: str) -> object:
    import yaml
    from yaml.constructor import SafeConstructor

    return SafeConstructor().construct_object(yaml.ScalarNode(tag, text))
