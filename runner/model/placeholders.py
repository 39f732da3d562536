"""Finding `{name}` placeholders in a command.

The rules are those of Python's `str.format`, which MLflow applies: `{name}` is a placeholder, `{{` and `}}`
are literal braces. Where `str.format` would fail but the meaning is clear (`awk '{print $1}'`, `${HOME}`),
the braces are literal and a warning says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from runner.errors import suggestion

_FIELD = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FORMATTED = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(![rsa]|:[^\s\"'{}]*|\.[A-Za-z_]\w*|\[\w+\])+")


class TemplateError(Exception):
    """A command cannot be understood. `name` is the placeholder that it is about, if it is about one."""

    def __init__(self, message: str, *, name: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The place of a parameter's value."""

    name: str


Symbol = str | Placeholder
"""One character of a command, or a placeholder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A command as symbols. `warnings` are sentences on what `mlflow run` would make of it."""

    symbols: tuple[Symbol, ...]
    warnings: tuple[str, ...]


def mark(command: str, declared: Collection[str]) -> Marked:
    """The command with its placeholders found; every plain `{name}` is one, declared or not.

    Raises TemplateError for a brace expression whose meaning is not clear.
    """
    return _Marker(command, declared).run()


class _Marker:
    def __init__(self, command: str, declared: Collection[str]) -> None:
        self.text = command
        self.declared = declared
        self.symbols: list[Symbol] = []
        self.open: list[str] = []
        self.lenient: list[str] = []
        self.warnings: list[str] = []
        self.at = 0

    def run(self) -> Marked:
        while self.at < len(self.text):
            match self.text[self.at]:
                case "{":
                    self._opening()
                case "}":
                    self._closing()
                case char:
                    self._copy(char)
        if self.lenient:
            shown = ", ".join(dict.fromkeys(self.lenient))
            self.warnings.append(
                f"braces that are no placeholder ({shown}) are taken literally; `mlflow run` would fail: "
                "write {{ and }} for literal braces"
            )
        return Marked(symbols=tuple(self.symbols), warnings=tuple(self.warnings))

    def _copy(self, text: str, *, length: int | None = None) -> None:
        self.symbols.extend(text)
        self.at += len(text) if length is None else length

    def _opening(self) -> None:
        if self.text.startswith("{{", self.at):
            self._warn_of_doubled()
            self.open.append("{{")
            self._copy("{", length=2)
        elif self._after_dollar():
            self._shell_variable()
        else:
            found = _FIELD.match(self.text, self.at)
            if found is not None and self._is_placeholder(found[1]):
                self.symbols.append(Placeholder(found[1]))
                self.at = found.end()
            else:
                self._literal_brace(found[0] if found else self.text[self.at : self.at + 12] + "…")

    def _closing(self) -> None:
        doubled = self.text.startswith("}}", self.at)
        innermost = self.open.pop() if self.open else "{{" if doubled else ""
        if innermost == "":
            self.lenient.append("}")
        self._copy("}", length=2 if doubled and innermost == "{{" else 1)

    def _literal_brace(self, shown: str) -> None:
        self.open.append("{")
        self.lenient.append(shown)
        self._copy("{")

    def _after_dollar(self) -> bool:
        if self.at == 0 or self.text[self.at - 1] != "$":
            return False
        before = self.text[max(0, self.at - 64) : self.at - 1]
        return (len(before) - len(before.rstrip("\\"))) % 2 == 0

    def _shell_variable(self) -> None:
        found = _FIELD.match(self.text, self.at)
        if found is not None and found[1] in self.declared:
            raise TemplateError(
                f"${{{found[1]}}} can mean the parameter or the shell's variable",
                name=found[1],
                hint=f"write {{{found[1]}}} for the parameter, ${{{{{found[1]}}}}} for the variable",
            )
        self._literal_brace("$" + (found[0] if found else self.text[self.at : self.at + 12] + "…"))

    def _is_placeholder(self, content: str) -> bool:
        if content in self.declared or _NAME.fullmatch(content):
            return True
        formatted = _FORMATTED.fullmatch(content)
        if formatted is not None and ".." not in content:
            raise TemplateError(
                f"{{{content}}} asks for formatting, but values are text and are passed as they are",
                name=formatted[1],
                hint=f"write {{{formatted[1]}}} for the value, {{{{{content}}}}} for literal braces",
            )
        if content.strip() in self.declared:
            name = content.strip()
            raise TemplateError(
                f"{{{content}}} has blanks around the name", name=name, hint=f"write {{{name}}}"
            )
        return False

    def _warn_of_doubled(self) -> None:
        found = re.compile(r"\{\{\s*([\w-]+)\s*\}\}").match(self.text, self.at)
        if found is None or self._after_dollar() or found[1] not in self.declared:
            return
        self.warnings.append(
            f"{found[0]} is literal text in braces, not the parameter: write {{{found[1]}}} for its value"
        )


def undeclared_hint(name: str, declared: Collection[str]) -> str:
    """What to do about a placeholder that no parameter is declared for."""
    meant = suggestion(name, declared)
    if meant is not None:
        return f"did you mean {{{meant}}}?"
    return f"declare it under parameters, or write {{{{{name}}}}} for literal braces"
