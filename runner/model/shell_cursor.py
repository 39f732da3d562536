"""Moving through the symbols of a command, while its shell text and its words are put together."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model.placeholders import Placeholder, Symbol, TemplateError
from runner.model.words import Quoting, Slot


class Cursor:
    """A place in a command. `parts` is the shell text so far, `pieces` the current word without quotes."""

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        self.symbols = symbols
        self.at = 0
        self.parts: list[str | Slot] = []
        self.buffer: list[str] = []
        self.current: int | None = None
        self.pieces: list[str | Slot] = []
        self.shell_reason: str | None = None

    def _peek(self, ahead: int = 0) -> Symbol | None:
        index = self.at + ahead
        return self.symbols[index] if index < len(self.symbols) else None

    def _copy(self, count: int = 1) -> None:
        for symbol in self.symbols[self.at : self.at + count]:
            assert isinstance(symbol, str)
            self.buffer.append(symbol)
        self.at += count

    def _text(self, char: str) -> None:
        if self.pieces and isinstance(self.pieces[-1], str):
            self.pieces[-1] += char
        else:
            self.pieces.append(char)

    def _copy_text(self, char: str) -> None:
        self._copy()
        self._text(char)

    def _flush(self) -> None:
        if self.buffer:
            self.parts.append("".join(self.buffer))
            self.buffer.clear()

    def _slot(self, placeholder: Placeholder, quoting: Quoting) -> None:
        self._flush()
        slot = Slot(placeholder.name, quoting, self.current)
        self.parts.append(slot)
        self.pieces.append(slot)
        self.at += 1

    def _needs_shell(self, reason: str) -> None:
        if self.shell_reason is None:
            self.shell_reason = reason

    def _expect(self, closer: str) -> None:
        if self._peek() != closer:
            raise TemplateError(f"a {closer} is missing")
        self._copy()
