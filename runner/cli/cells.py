"""Texts for the cells of a table on a terminal, and small drawings in characters."""

from __future__ import annotations

from math import isfinite

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: tuple[float, ...], width: int) -> str:
    """The end of a curve in a few characters: `█▅▃▂▁`. Values that are no numbers are blanks."""
    values = values[-width:]
    numbers = [value for value in values if isfinite(value)]
    if len(numbers) < 2:
        return ""
    low, high = min(numbers), max(numbers)
    half = high / 2 - low / 2  # the difference itself may be too large for a float
    top = len(_BARS) - 1

    def bar(value: float) -> str:
        return _BARS[round((value / 2 - low / 2) / half * top) if half > 0 else 0]

    return "".join(bar(value) if isfinite(value) else " " for value in values)


def bar_of(done: int, total: int | None, width: int) -> str:
    """How much is done: `━━━━╌╌╌╌`; empty where the end is not known."""
    if not total:
        return ""
    filled = int(width * min(done / total, 1.0))
    return "━" * filled + "╌" * (width - filled)


def precisely(value: float, digits: int) -> str:
    """A number with so many digits, trailing zeros among them, so that columns do not wobble."""
    return f"{value:#.{digits}g}".removesuffix(".")


def width_of(text: str) -> int:
    """How many places a text takes on a terminal."""
    from rich.cells import cell_len

    return cell_len(text)


def left(text: str, width: int) -> str:
    """A text at the left of so many places."""
    from rich.cells import set_cell_size

    return set_cell_size(cut(text, width), width)


def right(text: str, width: int) -> str:
    """A text at the right of so many places."""
    text = cut(text, width)
    return " " * (width - width_of(text)) + text


def cut(text: str, width: int) -> str:
    """A text in so many places at most."""
    from rich.cells import set_cell_size

    return text if width_of(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"
