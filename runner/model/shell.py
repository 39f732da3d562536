"""Reading a command as bash reads it: words, quotes, and whether a shell is needed at all.

Nothing is executed and no value is seen here: the placeholders of a command are found in their words, with
the kind of quotes around each. The grammar is the one of the Bash Reference Manual, section 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.model.placeholders import Placeholder, Symbol, TemplateError
from runner.model.shell_quotes import Quotes
from runner.model.words import Reading, Tail, Word

_BLANKS = frozenset(" \t")
_OPERATORS = frozenset("|&;<>()")
_ENDS_WORD = _BLANKS | _OPERATORS | {"\n"}
_PATTERNS = frozenset("*?[]{}")
_VARIABLE = re.compile(r"[A-Za-z_]\w*\+?")
# `true` and `false` are missing on purpose: as programs they do exactly what the builtins do.
_BUILTIN_WORDS = (
    "! . : [ [[ alias bg bind break builtin caller case cd command compgen complete compopt continue "
    "coproc declare dirs disown do done echo elif else enable esac eval exec exit export fc fg fi for "
    "function getopts hash help history if in jobs kill let local logout mapfile popd printf pushd "
    "pwd read readarray readonly return select set shift shopt source suspend test then time times "
    "trap type typeset ulimit umask unalias unset until wait while "
)
_BUILTINS = frozenset(_BUILTIN_WORDS.split())


def read(symbols: Sequence[Symbol]) -> Reading:
    """Reads a command. Raises TemplateError for quotes and brackets that are never closed."""
    return _Reader(symbols).run()


@dataclass(frozen=True, slots=True)
class _Heredoc:
    delimiter: str
    strips_tabs: bool
    expands: bool


class _Reader(Quotes):
    def __init__(self, symbols: Sequence[Symbol]) -> None:
        super().__init__(symbols)
        self.words: list[Word | None] = []
        self.top: list[int] = []
        self.depth = 0
        self.tail: Tail = "operator"

    def run(self) -> Reading:
        self._code(None)
        self._flush()
        words = tuple(word for word in self.words if word is not None)
        if self.shell_reason is None and self.top and words[self.top[0]].text in _BUILTINS:
            self.shell_reason = f"`{words[self.top[0]].text}` is a word of the shell"
        return Reading(
            parts=tuple(self.parts),
            words=words,
            top=tuple(self.top),
            shell_reason=self.shell_reason,
            tail=self.tail,
        )

    def _code(self, closer: str | None) -> None:
        previous: int | None = None
        starts = True
        heredocs: list[_Heredoc] = []
        while (symbol := self._peek()) is not None and symbol != closer:
            if symbol in _BLANKS:
                self._copy()
            elif symbol == "\\" and self._peek(1) == "\n":
                self._copy(2)
            elif symbol == "\n":
                self._newline(heredocs)
                previous, starts = None, True
            elif symbol == "#":
                self._comment(closer)
            elif symbol in _OPERATORS:
                starts = self._operator(heredocs, starts=starts)
                previous = None
            else:
                previous = self._word(previous, closer, first=starts)
                starts = False
        if heredocs:
            raise TemplateError(f"the here-document <<{heredocs[0].delimiter} has no text")

    def _newline(self, heredocs: list[_Heredoc]) -> None:
        rest = self.symbols[self.at :]
        if not heredocs and self.depth == 0 and all(isinstance(one, str) and one.isspace() for one in rest):
            self.at = len(self.symbols)
            return
        if self.top or self.depth:
            self._needs_shell("it has several lines")
        self._copy()
        for heredoc in heredocs:
            self._heredoc_body(heredoc)
        heredocs.clear()

    def _comment(self, closer: str | None) -> None:
        ends = {"\n", "`"} if closer == "`" else {"\n"}
        self._needs_shell("it has a comment")
        self._set_tail("comment")
        while (symbol := self._peek()) is not None and symbol not in ends:
            if isinstance(symbol, Placeholder):
                self.at += 1  # no value is ever put into a comment: it could end it with a newline
            else:
                self._copy()

    def _set_tail(self, tail: Tail) -> None:
        if self.depth == 0:
            self.tail = tail

    def _operator(self, heredocs: list[_Heredoc], *, starts: bool) -> bool:
        symbol = self._peek()
        self._needs_shell(f"`{symbol}` is a sign of the shell")
        self._set_tail("operator")
        if symbol == "<" and self._peek(1) == "<":
            if self._peek(2) == "<":
                self._copy(3)
            else:
                heredocs.append(self._heredoc_start())
                self._set_tail("heredoc")
            return False
        if symbol == "(" and self._peek(1) == "(" and starts:
            self._copy(2)
            self._arithmetic("))")
            return False
        if symbol == "(":
            self._copy()
            self._nested(")")
            return False
        self._copy()
        return symbol not in ("<", ">")

    def _nested(self, closer: str) -> None:
        pieces, current = self.pieces, self.current
        self.depth += 1
        self._code(closer)
        self.depth -= 1
        self._expect(closer)
        self.pieces, self.current = pieces, current

    def _word(self, previous: int | None, closer: str | None, *, first: bool) -> int:
        self._flush()
        index, start = len(self.words), len(self.parts)
        outer_pieces, outer_current = self.pieces, self.current
        self.words.append(None)
        if self.depth == 0:
            self.top.append(index)
        self.pieces, self.current = [], index
        while (symbol := self._peek()) is not None and symbol != closer and symbol not in _ENDS_WORD:
            self._word_symbol(symbol, first=first)
        self._flush()
        self.words[index] = Word(
            start=start, end=len(self.parts), pieces=tuple(self.pieces), previous=previous
        )
        self.pieces, self.current = outer_pieces, outer_current
        self._set_tail("word")
        return index

    def _word_symbol(self, symbol: Symbol, *, first: bool) -> None:
        if isinstance(symbol, Placeholder):
            self._slot(symbol, "none")
        elif symbol == "\\":
            self._escape()
        elif symbol == "'":
            self._single()
        elif symbol == '"':
            self._double()
        elif symbol == "$":
            self._dollar(in_double=False)
        elif symbol == "`":
            self._backtick()
        else:
            self._plain(symbol, first=first)

    def _plain(self, char: str, *, first: bool) -> None:
        before = self.pieces[-1] if self.pieces else ""
        if char in _PATTERNS:
            self._needs_shell(f"`{char}` is a pattern of the shell")
        elif char == "~" and (before == "" or (isinstance(before, str) and before[-1] in "=:")):
            self._needs_shell("`~` is expanded by the shell")
        elif char == "=" and first and len(self.pieces) == 1 and _VARIABLE.fullmatch(str(before)):
            self._needs_shell(f"{before}= sets a variable")
        self._copy_text(char)

    def _heredoc_start(self) -> _Heredoc:
        self._copy(2)
        strips_tabs = self._peek() == "-"
        if strips_tabs:
            self._copy()
        while self._peek() in _BLANKS:
            self._copy()
        raw = ""
        while (symbol := self._peek()) is not None and symbol not in _ENDS_WORD:
            if isinstance(symbol, Placeholder):
                raise TemplateError(
                    "the end mark of a here-document cannot be a placeholder", name=symbol.name
                )
            raw += symbol
            self._copy()
        return _Heredoc(
            delimiter=re.sub(r"[\"'\\]", "", raw),
            strips_tabs=strips_tabs,
            expands=not re.search(r"[\"'\\]", raw),
        )

    def _heredoc_body(self, heredoc: _Heredoc) -> None:
        outer, self.current = self.current, None
        while (line := self._line()) != heredoc.delimiter and (
            not heredoc.strips_tabs or line is None or line.lstrip("\t") != heredoc.delimiter
        ):
            if self._peek() is None:
                raise TemplateError(f"the here-document <<{heredoc.delimiter} never ends")
            self._heredoc_line(heredoc)
        self._copy(len(line or ""))
        self._set_tail("heredoc")
        self.current = outer

    def _line(self) -> str | None:
        """The line that starts here, None where it has a placeholder."""
        chars: list[str] = []
        while (symbol := self._peek(len(chars))) is not None and symbol != "\n":
            if isinstance(symbol, Placeholder):
                return None
            chars.append(symbol)
        return "".join(chars)

    def _heredoc_line(self, heredoc: _Heredoc) -> None:
        while (symbol := self._peek()) is not None:
            if symbol == "\n":
                self._copy()
                return
            if heredoc.expands:
                self._double_symbol(symbol, "heredoc")
            elif isinstance(symbol, Placeholder):
                raise TemplateError(
                    f"{{{symbol.name}}} stands in a here-document that expands nothing",
                    name=symbol.name,
                    hint=f"write <<{heredoc.delimiter} without quotes",
                )
            else:
                self._copy()
