"""A parameter's declaration: `name: type`, or `name: {type: …, default: …, …}`."""

from __future__ import annotations

import re

from runner.errors import InvalidParameter, suggestion
from runner.manifest.document import Node
from runner.manifest.findings import Findings, describe
from runner.manifest.keys import PARAMETER
from runner.model.parameter import (
    PARAMETER_KINDS,
    Parameter,
    ParameterKind,
    known_kind,
    list_text,
)

ITEM_KINDS: tuple[ParameterKind, ...] = ("string", "int", "float", "bool")
_RANGED = frozenset({"int", "float"})
_CHOOSING = frozenset({"string", "int", "float", "choice"})
_NAME = re.compile(r"[^{}\x00-\x1f\x7f]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_FLAG = re.compile(r"-[^\s=]+")
_OTHER_WORDS = {
    "integer": "int",
    "long": "int",
    "double": "float",
    "number": "float",
    "boolean": "bool",
    "enum": "choice",
    "array": "list",
    "url": "uri",
    "text": "string",
}


def read_parameter(name: str, node: Node, findings: Findings, *, key: str, line: int) -> Parameter:
    """The declared parameter; what is wrong with it goes to `findings`."""
    if not _NAME.fullmatch(name):
        findings.error(f"{name!r} cannot be a parameter's name", line=line, key=key)
    if node.kind == "map":
        return _Declaration(name, node, findings, key, line).read()
    if node.is_null:
        findings.warning(
            f"parameter {name!r} has no type and is taken for a string; `mlflow run` would fail",
            line=line,
            key=key,
            hint=f"write {name}: string",
        )
        return Parameter(name=name, line=line)
    word = node.string
    if word is None:
        hint = f"write {name}: {{type: …, default: {node.text}}}" if node.kind == "scalar" else None
        findings.error(
            f"parameter {name!r} must be a type or a map, not {describe(node)}", line=line, key=key, hint=hint
        )
        return Parameter(name=name, line=line)
    return Parameter(name=name, kind=_kind(name, word, findings, key=key, line=node.line), line=line)


def _kind(name: str, word: str, findings: Findings, *, key: str, line: int) -> ParameterKind:
    kind = known_kind(word)
    if kind is not None:
        return kind
    meant = _OTHER_WORDS.get(word.lower()) or suggestion(word.lower(), PARAMETER_KINDS)
    findings.warning(
        f"{word!r} is not a known type: {name!r} is taken for a string and not checked",
        line=line,
        key=key,
        hint=f"did you mean {meant!r}?" if meant else f"known: {', '.join(PARAMETER_KINDS)}",
        formal=True,
    )
    return "string"


def _is_narrowed(parameter: Parameter) -> bool:
    """Whether the declaration says more than MLflow knows: then its author wrote it for us."""
    has_range = (parameter.minimum, parameter.maximum) != (None, None)
    return has_range or bool(parameter.choices or parameter.items)


class _Declaration:
    def __init__(self, name: str, node: Node, findings: Findings, key: str, line: int) -> None:
        self.name = name
        self.node = node
        self.findings = findings
        self.key = key
        self.line = line

    def read(self) -> Parameter:
        self.findings.unknown_keys(self.node, PARAMETER, f"{self.key}.")
        kind = self._type()
        items = self._items(kind)
        flag = self._flag(kind)
        compared = items if kind == "list" else kind
        default = self._default(items)
        optional = self._optional()
        parameter = Parameter(
            name=self.name,
            kind=kind,
            default=default,
            optional=optional or (flag is not None and default is None),
            minimum=self._limit("min", compared),
            maximum=self._limit("max", compared),
            choices=self._choices(kind, compared),
            items=items,
            flag=flag,
            description=self._description(),
            line=self.line,
        )
        self._check_limits(parameter)
        self._check_default(parameter)
        return parameter

    def _entry(self, key: str) -> Node | None:
        entry = self.node.fields.get(key)
        return None if entry is None or entry.node.is_null else entry.node

    def _wrong(self, key: str, node: Node, must: str) -> None:
        self.findings.error(
            f"{key} of parameter {self.name!r} must be {must}, not {describe(node)}",
            line=node.line,
            key=f"{self.key}.{key}",
        )

    def _ignored(self, key: str, why: str) -> None:
        self.findings.warning(
            f"{key} of parameter {self.name!r} is ignored: {why}",
            line=self.node.fields[key].line,
            key=f"{self.key}.{key}",
            formal=True,
        )

    def _type(self) -> ParameterKind:
        node = self._entry("type")
        if node is None:
            return "string"
        word = node.string
        if word is None:
            self._wrong("type", node, "a type")
            return "string"
        return _kind(self.name, word, self.findings, key=f"{self.key}.type", line=node.line)

    def _items(self, kind: ParameterKind) -> ParameterKind | None:
        node = self._entry("items")
        if node is None:
            if kind == "list":
                self.findings.warning(
                    f"the list {self.name!r} is passed as one text, as `mlflow run` does",
                    line=self.line,
                    key=self.key,
                    hint="give it items: string (or int, float, bool) to check and spread its items",
                )
            return None
        if kind != "list":
            self._ignored("items", "only a list has items")
            return None
        for item_kind in ITEM_KINDS:
            if node.string == item_kind:
                return item_kind
        self._wrong("items", node, f"one of {', '.join(ITEM_KINDS)}")
        return None

    def _flag(self, kind: ParameterKind) -> str | None:
        node = self._entry("flag")
        if node is None:
            return None
        if kind != "bool":
            self._ignored("flag", "only a bool has a flag")
            return None
        if node.string is None or not _FLAG.fullmatch(node.string):
            self._wrong("flag", node, "an option like --verbose")
            return None
        return node.string

    def _optional(self) -> bool:
        node = self._entry("optional")
        if node is None:
            return False
        if not isinstance(node.scalar, bool):
            self._wrong("optional", node, "true or false")
        return node.scalar is True

    def _description(self) -> str:
        node = self._entry("description")
        return "" if node is None or node.kind != "scalar" else node.text

    def _limit(self, key: str, compared: ParameterKind | None) -> float | None:
        node = self._entry(key)
        if node is None:
            return None
        if compared not in _RANGED:
            self._ignored(key, "only an int or a float has a range")
            return None
        number = node.scalar
        if isinstance(number, str):  # YAML 1.1 reads 1e-3 as text
            number = float(number) if _NUMBER.fullmatch(number) else number
        if isinstance(number, bool) or not isinstance(number, (int, float)) or number != number:
            self._wrong(key, node, "a number")
            return None
        return number

    def _choices(self, kind: ParameterKind, compared: ParameterKind | None) -> tuple[str, ...]:
        node = self._entry("choices")
        if node is None:
            if kind == "choice":
                self.findings.warning(
                    f"the choice {self.name!r} lists no choices and is not checked",
                    line=self.line,
                    key=self.key,
                    hint="add choices: [a, b]",
                    formal=True,
                )
            return ()
        if compared not in _CHOOSING:
            self._ignored("choices", f"a {kind} has none")
            return ()
        if node.kind != "list" or not node.items:
            self._wrong("choices", node, "a list of values")
            return ()
        for item in node.items:
            if item.kind != "scalar" or item.is_null:
                self._wrong("choices", item, "a list of plain values")
        return tuple(str(item.scalar) for item in node.items if item.kind == "scalar")

    def _default(self, items: ParameterKind | None) -> str | None:
        node = self._entry("default")
        if node is None:
            return None
        if items is not None and node.kind == "list":
            return list_text(tuple(str(item.plain()) for item in node.items))
        text = str(node.plain())
        if node.kind == "scalar" and isinstance(node.scalar, bool) and node.text not in (text, text.lower()):
            self.findings.warning(
                f"YAML reads the default {node.text} of {self.name!r} as {text}",
                line=node.line,
                key=f"{self.key}.default",
                hint=f'write "{node.text}" in quotes if the text is meant',
            )
        return text

    def _check_limits(self, parameter: Parameter) -> None:
        if (
            parameter.minimum is not None
            and parameter.maximum is not None
            and parameter.minimum > parameter.maximum
        ):
            self.findings.error(
                f"min of parameter {self.name!r} is greater than its max",
                line=self.line,
                key=f"{self.key}.min",
                formal=False,
            )

    def _check_default(self, parameter: Parameter) -> None:
        if parameter.default is None:
            return
        try:
            parameter.check_type(parameter.default)
        except InvalidParameter as error:
            node = self._entry("default")
            line = self.line if node is None else node.line
            key = f"{self.key}.default"
            if _is_narrowed(parameter):
                self.findings.error(
                    f"the default does not fit: {error}", line=line, key=key, hint=error.hint, formal=False
                )
            else:  # MLflow takes any default, and programs have their own meaning for `None` or `auto`
                self.findings.warning(
                    f"the default does not fit its type: {error}; it is passed on as it is",
                    line=line,
                    key=key,
                    hint=error.hint,
                )
