"""Quotes and expansions, as bash reads them (Bash Reference Manual, sections 3.1.2 and 3.5)."""

from __future__ import annotations

from runner.model.placeholders import Placeholder, Symbol, TemplateError
from runner.model.shell_cursor import Cursor
from runner.model.words import Quoting


class Quotes(Cursor):
    """Reads whatever starts with a quote, a backslash, `$` or a backtick."""

    def _nested(self, closer: str) -> None:
        raise NotImplementedError

    def _word_symbol(self, symbol: Symbol, *, first: bool) -> None:
        raise NotImplementedError

    def _escape(self) -> None:
        following = self._peek(1)
        if following is None:
            self._copy_text("\\")
        elif isinstance(following, Placeholder):
            self.at += 1  # before a value there is nothing to escape
        elif following == "\n":
            self._copy(2)
        else:
            self._copy(2)
            self._text(following)

    def _single(self) -> None:
        self._copy()
        while (symbol := self._peek()) != "'":
            if symbol is None:
                raise TemplateError("a single quote (') is never closed")
            if isinstance(symbol, Placeholder):
                self._slot(symbol, "single")
            else:
                self._copy_text(symbol)
        self._copy()

    def _double(self) -> None:
        self._copy()
        while (symbol := self._peek()) != '"':
            if symbol is None:
                raise TemplateError('a double quote (") is never closed')
            self._double_symbol(symbol, "double")
        self._copy()

    def _double_symbol(self, symbol: Symbol, quoting: Quoting) -> None:
        if isinstance(symbol, Placeholder):
            self._slot(symbol, quoting)
        elif symbol == "\\":
            self._double_escape()
        elif symbol == "$":
            self._dollar(in_double=True)
        elif symbol == "`":
            self._backtick()
        else:
            self._copy_text(symbol)

    def _double_escape(self) -> None:
        following = self._peek(1)
        if following == "\n":
            self._copy(2)
        elif isinstance(following, str) and following in '$`"\\':
            self._copy(2)
            self._text(following)
        else:
            if isinstance(following, Placeholder):
                self.buffer.append("\\")  # else it would escape the $ of ${1}
            self._copy_text("\\")

    def _backtick(self) -> None:
        self._needs_shell("it has a command substitution")
        self._text("`")
        self._copy()
        self._nested("`")

    def _dollar(self, *, in_double: bool) -> None:
        self._needs_shell("`$` is expanded by the shell")
        self._text("$")
        match self._peek(1):
            case "(" if self._peek(2) == "(":
                self._copy(3)
                self._arithmetic("))")
            case "(":
                self._copy(2)
                self._nested(")")
            case "[":
                self._copy(2)
                self._arithmetic("]")
            case "{":
                self._copy(2)
                self._variable(in_double=in_double)
            case "'" if not in_double:
                self._copy()
                self._ansi()
            case '"' if not in_double:
                self._copy()
                self._double()
            case _:
                self._copy()

    def _variable(self, *, in_double: bool) -> None:
        while (symbol := self._peek()) != "}":
            if symbol is None:
                raise TemplateError("a ${ is never closed")
            if in_double:
                self._double_symbol(symbol, "double") if symbol != '"' else self._double()
            else:
                self._word_symbol(symbol, first=False)
        self._copy()

    def _ansi(self) -> None:
        self._copy()
        while (symbol := self._peek()) != "'":
            if symbol is None:
                raise TemplateError("a $' is never closed")
            if isinstance(symbol, Placeholder):
                self._slot(symbol, "ansi")
            elif symbol == "\\" and isinstance(self._peek(1), Placeholder):
                raise TemplateError("a backslash before a placeholder in $'…' has no meaning")
            else:
                self._copy(2 if symbol == "\\" else 1)
        self._copy()

    def _arithmetic(self, closer: str) -> None:
        nesting = 0
        while True:
            symbol = self._peek()
            if symbol is None:
                raise TemplateError("an arithmetic expression is never closed")
            if nesting == 0 and "".join(filter(None, map(_char, (symbol, self._peek(1))))).startswith(closer):
                self._copy(len(closer))
                return
            if isinstance(symbol, Placeholder):
                self._slot(symbol, "arithmetic")
            elif symbol == "$":
                self._dollar(in_double=True)
            else:
                nesting += (symbol == "(") - (symbol == ")")
                self._copy()


def _char(symbol: Symbol | None) -> str:
    return symbol if isinstance(symbol, str) else ""
