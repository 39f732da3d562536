"""Axes: where a value stands between two ends, and which places are labelled."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_NAMES = 12
"""So many names are told apart on an axis; the rarer ones share a place."""
OTHERS = "others"
_LOG_FROM = 100.0
_GREATEST_EXPONENT = math.log10(sys.float_info.max) - 1e-9
_SHORTEST_LABEL = 14


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place, in thousandths from the axis's beginning."""

    at: float
    label: str

    @property
    def percent(self) -> str:
        """The same for an SVG attribute."""
        return f"{self.at / 10:.4g}%"


@dataclass(frozen=True, slots=True)
class Axis:
    """`low` and `high` are its ends in units of `kind`: values, their logarithms, or places of `names`."""

    name: str
    kind: str
    low: float
    high: float
    names: tuple[str, ...] = ()

    def place(self, value: str | float | None) -> float | None:
        """Where a value stands, in thousandths; None where it has no place."""
        if value is None:
            return None
        if self.kind == "names":
            text = str(value)
            at = float(self.names.index(text if text in self.names else OTHERS)) if self.names else 0.0
            if text not in self.names and OTHERS not in self.names:
                return None
        else:
            number = number_of(value)
            if number is None or (self.kind == "log" and number <= 0):
                return None
            at = math.log10(number) if self.kind == "log" else number
        return self._at(at)

    def value_at(self, place: float) -> float:
        """The number that stands at a place; of an axis of numbers."""
        at = self.low * (1 - place / 1000) + self.high * (place / 1000)
        # The room at the end of an axis may be beyond what a float can be.
        return 10.0 ** min(at, _GREATEST_EXPONENT) if self.kind == "log" else at

    def ticks(self, most: int = 6) -> list[Tick]:
        """Round values within the axis, or its names."""
        if self.kind == "names":
            shown = (Tick(self._at(float(number)), shortened(name)) for number, name in enumerate(self.names))
            return list(shown)
        places = _log_places(self.low, self.high, most) if self.kind == "log" else None
        if places is None:
            numbers = _round_numbers(self.value_at(0), self.value_at(1000), most)
        else:
            numbers = [10.0**exponent for exponent in places]
        found = []
        for number in numbers:
            at = self.place(number)
            if at is not None and -0.5 <= at <= 1000.5:
                found.append(Tick(at, f"{number:.6g}"))
        return found

    def _at(self, position: float) -> float:
        # In halves: the greatest numbers are farther apart than a float can be.
        return 1000 * ((position / 2 - self.low / 2) / (self.high / 2 - self.low / 2))


def number_of(text: str | float) -> float | None:
    """The finite number that a text is; None for any other."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def shortened(text: str) -> str:
    """A text as a label of an axis."""
    return text if len(text) <= _SHORTEST_LABEL else text[: _SHORTEST_LABEL - 1] + "…"


def numbers_axis(name: str, numbers: Sequence[float], *, log: bool | None = None) -> Axis:
    """An axis for finite numbers, of which there is one; `log` None: by how they are spread."""
    low, high = min(numbers), max(numbers)
    if log is None:
        log = looks_logarithmic(numbers)
    if log and low > 0:
        low, high = math.log10(low), math.log10(high)
    else:
        log = False
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        room = 0.5 if log else (0.1 * abs(low) or 1.0)
    else:
        room = 0.04 * (high - low)
    if not math.isfinite(high - low + 2 * room):  # beyond what a float can be
        return Axis(name, "linear", low, high)
    return Axis(name, "log" if log else "linear", low - room, high + room)


def looks_logarithmic(numbers: Sequence[float]) -> bool:
    """Whether most of what can be seen of positive numbers is in their orders of magnitude."""
    low, high = min(numbers), max(numbers)
    if low <= 0 or high / low < _LOG_FROM:
        return False
    middle = sorted(numbers)[len(numbers) // 2]
    return middle < low + 0.2 * (high - low)


def names_axis(name: str, texts: Iterable[str]) -> Axis:
    """An axis for texts: the most frequent ones have a place each, in the order of numbers or letters."""
    frequency: dict[str, int] = {}
    for text in texts:
        frequency[text] = frequency.get(text, 0) + 1
    frequent = sorted(frequency, key=lambda text: (-frequency[text], text))
    names = sorted(frequent[:MOST_NAMES], key=_in_order)
    if len(frequent) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], OTHERS]
    return Axis(name, "names", -0.5, max(len(names), 1) - 0.5, tuple(names))


def _in_order(text: str) -> tuple[int, float, str]:
    number = number_of(text)
    return (1, 0.0, text) if number is None else (0, number, text)


def _log_places(low: float, high: float, most: int) -> list[int] | None:
    """Exponents within a logarithmic axis; None where fewer than two are."""
    first, last = math.ceil(low), math.floor(high)
    if last - first < 1:
        return None
    step = max(1, math.ceil((last - first + 1) / most))
    return list(range(first, last + 1, step))


def _round_numbers(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / max(1, most)
    if not math.isfinite(rough) or rough <= 0:
        return []
    power = 10.0 ** math.floor(math.log10(rough))
    if power == 0:
        return []
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    count = int((high - first * step) / step) + 1
    return [
        0.0 if first + n == 0 else float(f"{(first + n) * step:.12g}") for n in range(min(count, 4 * most))
    ]
