"""A filter as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tracking_server.errors import InvalidFilter, InvalidParameter

MAX_LENGTH = 200_000

TokenKind = Literal["word", "quoted", "string", "number", "operator", "(", ")", ",", ".", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` without its quotes, and where it starts.

    "quoted" is text in backticks or double quotes: a key or a string, as its place says.
    """

    kind: TokenKind
    text: str
    position: int


_TOKENS = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<operator>>=|<=|!=|<>|==|=|<|>)
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    | (?P<word>[^\W](?:[\w.\-/]*\w)?)
    | (?P<punctuation>[(),.])
    """,
    re.VERBOSE,
)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of `text`, closed by one of kind "end". Raises InvalidParameter."""
    if len(text) > MAX_LENGTH:
        raise InvalidParameter(f"The filter is longer than {MAX_LENGTH} characters.")
    position = 0
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None:
            raise InvalidFilter(f"Invalid filter: cannot read {excerpt(text, position)}", position)
        kind = match.lastgroup
        found = match.group()
        if kind in ("string", "quoted"):
            quote = found[0]
            yield Token(kind, found[1:-1].replace(quote * 2, quote), position)  # type: ignore[arg-type]  # one of two kinds
        elif kind == "punctuation":
            yield Token(found, found, position)  # type: ignore[arg-type]  # the mark is its own kind
        elif kind != "space":
            yield Token(kind, found, position)  # type: ignore[arg-type]  # the groups are named as the kinds
        position = match.end()
    yield Token("end", "", len(text))


def excerpt(text: str, position: int) -> str:
    """The place in a filter that a message points at."""
    rest = text[position : position + 30]
    return f"{rest!r} at character {position + 1} of {text[:200]!r}" if rest else f"the end of {text[:200]!r}"
