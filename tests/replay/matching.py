"""Comparing a reply with a recorded one, symbols bound to what our server chose."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.replay.exchanges import SYMBOL

_SHAPES = {
    "run": r"[0-9a-f]{32}",
    "model": r"m-[0-9a-f]{32}",
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "name": r"[a-z]+-[a-z]+-\d{1,3}",
    "token": r"[^\s\"]+",
    "hex": r"[0-9a-f]+",
}
CLOCK_SLACK_MS = 5000

_NO_ORDER = re.compile(
    r"\.(?:data\.(?:metrics|params|tags)|info\.tags|\w+?s?(?:\[\d+\])?\.(?:tags|aliases|latest_versions))$"
)
"""Collections that MLflow answers in whatever order its database gives; ours are sorted by key."""


def _key_of(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    fields = ("key", "dataset_name", "version", "timestamp", "step")
    return " ".join(str(item.get(field)) for field in fields)


class Bindings:
    """What each symbol of one recording stands for in the replay."""

    def __init__(self) -> None:
        self._bound: dict[str, str] = {}
        self._began_ms = time.time() * 1000 - CLOCK_SLACK_MS

    def fill(self, value: Any, *, quoted: bool = False) -> Any:
        """A recorded request with our values. A symbol that a client chose gets a value here."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        return SYMBOL.sub(
            lambda match: quote(self._value(match), safe="") if quoted else self._value(match), value
        )

    def _value(self, match: re.Match[str]) -> str:
        symbol = match.group()
        if symbol not in self._bound and match[2]:
            number = int(match[2])
            made = {"run": f"{number:032x}", "model": f"m-{number:032x}", "name": f"made-up-{number % 1000}"}
            self._bound[symbol] = made.get(match[1], f"unknown-{number}")
        return self._bound.get(symbol, symbol)

    def compared(self, expected: Any, actual: Any) -> tuple[list[str], dict[str, str]]:
        """Each place where `actual` is not what was recorded, and what symbols would stand for."""
        before = dict(self._bound)
        problems = list(self.differences(expected, actual))
        bound, self._bound = self._bound, before
        return problems, bound

    def adopt(self, bound: dict[str, str]) -> None:
        """From now on symbols stand for this."""
        self._bound = bound

    def differences(self, expected: Any, actual: Any, where: str = "") -> Iterator[str]:
        """Each place where `actual` is not what was recorded; binds symbols as they come."""
        if expected == "{time}":
            if not (type(actual) is int and self._began_ms <= actual <= time.time() * 1000 + CLOCK_SLACK_MS):
                yield f"{where}: expected the time in ms, got {actual!r}"
        elif isinstance(expected, str) and isinstance(actual, str):
            if not self._is_text(expected, actual):
                yield f"{where}: expected {self.fill(expected)!r}"
                yield f"{where}:      got {actual!r}"
        elif type(expected) is not type(actual):
            yield f"{where}: expected {expected!r}, got {actual!r}"
        elif isinstance(expected, dict):
            yield from self._of_objects(expected, actual, where)
        elif isinstance(expected, list):
            if _NO_ORDER.search(where):
                expected, actual = sorted(expected, key=_key_of), sorted(actual, key=_key_of)
            if len(expected) != len(actual):
                yield f"{where}: expected {len(expected)} items, got {len(actual)}"
            for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
                yield from self.differences(one, other, f"{where}[{index}]")
        elif expected != actual:
            yield f"{where}: expected {expected!r}, got {actual!r}"

    def _of_objects(self, expected: dict[str, Any], actual: dict[str, Any], where: str) -> Iterator[str]:
        wanted = {self.fill(key): value for key, value in expected.items()}
        for key in wanted.keys() - actual.keys():
            yield f"{where}.{key}: missing, expected {wanted[key]!r}"
        for key in actual.keys() - wanted.keys():
            yield f"{where}.{key}: unexpected {actual[key]!r}"
        for key in sorted(wanted.keys() & actual.keys()):
            yield from self.differences(wanted[key], actual[key], f"{where}.{key}")

    def _is_text(self, expected: str, actual: str) -> bool:
        if "{" not in expected:
            return expected == actual
        pattern = ""
        end = 0
        new: dict[str, str] = {}
        for index, match in enumerate(SYMBOL.finditer(expected)):
            pattern += re.escape(expected[end : match.start()])
            end = match.end()
            symbol = match.group()
            if symbol in self._bound:
                pattern += re.escape(self._bound[symbol])
            elif symbol in new:
                pattern += f"(?P={new[symbol]})"
            else:
                new[symbol] = f"s{index}"
                pattern += f"(?P<s{index}>{_SHAPES.get(match[1] or '', '[0-9]+')})"
        found = re.fullmatch(pattern + re.escape(expected[end:]), actual, re.DOTALL)
        if found is None:
            return False
        self._bound.update({symbol: found[group] for symbol, group in new.items()})
        return True
