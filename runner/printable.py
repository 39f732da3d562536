"""Text from elsewhere (names of runs, files, parameters) made fit for a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` with what would steer the terminal (or cannot be encoded) shown as escapes.

    Line ends and tabs stay.
    """
    return _CONTROL.sub(_escaped, text)


def on_one_line(text: str) -> str:
    """`printable`, with line ends and tabs as escapes too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
