"""How values are put into words on the terminal: durations, sizes, ages and counts."""

from __future__ import annotations

import json

from runner.printable import on_one_line

_DAY_S = 24 * 3600.0


def word(value: object) -> str:
    """`value` as it is, or as JSON where the bare text would mislead: empty, padded, or not printable."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return (
        text if text and text == text.strip() and text.isprintable() else json.dumps(text, ensure_ascii=False)
    )


def duration(seconds: float) -> str:
    """A duration: `0.42 s`, `41 s`, `2 min 03 s`, `1 h 05 min`."""
    if round(seconds, 2) < 10:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def size(size_bytes: float) -> str:
    """A size: `812 B`, `4.2 kB`, `1.3 GB` (powers of 1000)."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size_bytes /= 1000
        if size_bytes < 999.5 or unit == "TB":
            break
    return f"{size_bytes:.1f} {unit}" if size_bytes < 99.95 else f"{size_bytes:.0f} {unit}"


def age(seconds: float) -> str:
    """How long ago: `just now`, `5 min ago`, `3 h ago`, `12 d ago`."""
    for unit, length_s in (("d", _DAY_S), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length_s:
            return f"{seconds / length_s:.0f} {unit} ago"
    return "just now"


def first_line(text: str) -> str:
    """The first line of a text that may have several, on one line whatever it holds."""
    return on_one_line(text.partition("\n")[0].rstrip(":"))


def count(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
