"""Numbers, durations and sizes as people write them."""

from __future__ import annotations

import math
import re

from runner.manifest.document import Node

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(d|h|m|s))+", re.ASCII)
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KkMGT]?)i?B?", re.ASCII)
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_BYTES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def number_of(node: Node) -> float | int | None:
    """The finite number that is written there, also one that YAML 1.1 reads as text (`1e-3`); else None."""
    value = node.scalar
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value) if value.lstrip("+-").isdecimal() else float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # a whole number of hundreds of digits
        return None


def whole_of(node: Node) -> int | None:
    """The whole number that is written there; else None."""
    value = node.scalar
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def seconds_of(node: Node) -> float | None:
    """A duration such as `90s`, `2h` or `1h30m`; a plain number is seconds; else None."""
    number = number_of(node) if not isinstance(node.scalar, str) else None
    if number is not None:
        return float(number)
    text = node.string or ""
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in re.findall(r"([0-9.]+)([dhms])", text))


def bytes_of(node: Node) -> int | None:
    """A size such as `512M` or `32G` (powers of 1024, as `docker run --memory`); a number is bytes."""
    if not isinstance(node.scalar, str):
        return whole_of(node)
    found = _SIZE.fullmatch(node.scalar)
    return None if found is None else round(float(found[1]) * _BYTES[found[2].lower()])
