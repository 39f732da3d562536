"""The words of a command, as a shell reads them, with the places of values in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Quoting = Literal["none", "double", "single", "ansi", "arithmetic", "heredoc"]
Tail = Literal["word", "operator", "comment", "heredoc"]

_OPTION = re.compile(r"--?[A-Za-z][\w-]*")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value goes: the quotes around it, and the index of the innermost word that it is part of."""

    name: str
    quoting: Quoting
    word: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word of the command: `pieces` is its text without quotes, `start:end` its place in `Reading.parts`.

    `previous` is the index of the word before it in the same simple command.
    """

    start: int
    end: int
    pieces: tuple[str | Slot, ...]
    previous: int | None

    @property
    def text(self) -> str | None:
        """The literal text, or None for a word that has placeholders."""
        return (
            None if any(isinstance(piece, Slot) for piece in self.pieces) else "".join(map(str, self.pieces))
        )

    @property
    def is_option(self) -> bool:
        """Whether it is literal and looks like `-x` or `--name`."""
        return self.text is not None and _OPTION.fullmatch(self.text) is not None

    @property
    def starts_with_dash(self) -> bool:
        """Whether the word brings its own option (`--name={value}`)."""
        return bool(self.pieces) and isinstance(self.pieces[0], str) and self.pieces[0].startswith("-")

    @property
    def is_one_slot(self) -> bool:
        """Whether the word is nothing but one placeholder."""
        return len(self.pieces) == 1 and isinstance(self.pieces[0], Slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A command, read. `parts` is its shell text with slots, cut at the borders of words.

    `top` are the indices of the words outside any `$(…)` or `(…)`. `shell_reason` says what needs a shell,
    None where the words can be executed as they are. `tail` says what stands last at the top level.
    """

    parts: tuple[str | Slot, ...]
    words: tuple[Word, ...]
    top: tuple[int, ...]
    shell_reason: str | None
    tail: Tail
