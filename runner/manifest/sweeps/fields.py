"""Reading the fields of one map of a sweep; what is wrong with them goes to the findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from runner.errors import suggestion
from runner.manifest.document import Node
from runner.manifest.findings import Findings, describe
from runner.manifest.keys import Keys
from runner.manifest.sweeps.quantities import bytes_of, number_of, seconds_of, whole_of

Word = TypeVar("Word", bound=str)

GREATEST_WHOLE = 2**63 - 1


class Fields:
    """The fields of `node`, a map at the dotted `key`. One with nothing in it is an error, not a default."""

    def __init__(self, node: Node, keys: Keys | None, findings: Findings, key: str) -> None:
        self.node = node
        self.findings = findings
        self.key = key
        if keys is not None:
            findings.unknown_keys(node, keys, f"{key}.")

    def __contains__(self, name: str) -> bool:
        return name in self.node.fields

    def get(self, name: str) -> Node | None:
        """The node of a field, if it is there."""
        entry = self.node.fields.get(name)
        return None if entry is None else entry.node

    def line(self, name: str) -> int:
        """Where a field is, or else where the map begins."""
        entry = self.node.fields.get(name)
        return self.node.line if entry is None else entry.line

    def error(self, name: str, message: str, hint: str | None = None, *, formal: bool = False) -> None:
        """Adds an error about a field."""
        key = f"{self.key}.{name}" if name else self.key
        self.findings.error(message, line=self.line(name), key=key, hint=hint, formal=formal)

    def warning(self, name: str, message: str, hint: str | None = None) -> None:
        """Adds a warning about a field."""
        key = f"{self.key}.{name}" if name else self.key
        self.findings.warning(message, line=self.line(name), key=key, hint=hint)

    def wrong(self, name: str, must: str, hint: str | None = None) -> None:
        """Adds the error that a field is not what it must be."""
        node = self.get(name)
        what = "nothing" if node is None else describe(node)
        self.error(name, f"{name} must be {must}, not {what}", hint, formal=True)

    def text(self, name: str, default: str = "") -> str:
        """A text that is not empty."""
        node = self.get(name)
        if node is None:
            return default
        if not node.string:
            self.wrong(name, "text")
            return default
        return node.string

    def texts(self, name: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        node = self.get(name)
        if node is None:
            return ()
        items = node.items if node.kind == "list" else (node,)
        if not all(item.string for item in items):
            self.wrong(name, "text, or a list of texts")
            return ()
        return tuple(item.text for item in items)

    def word(self, name: str, words: Sequence[Word], default: Word) -> Word:
        """One of several words."""
        node = self.get(name)
        if node is None:
            return default
        for word in words:
            if node.string == word:
                return word
        meant = suggestion(node.text, words) if node.kind == "scalar" else None
        self.wrong(name, f"one of {', '.join(words)}", f"did you mean {meant!r}?" if meant else None)
        return default

    def whole(self, name: str, default: int, *, least: int) -> int:
        """A whole number that is not too small."""
        node = self.get(name)
        if node is None:
            return default
        number = whole_of(node)
        if number is None or not least <= number <= GREATEST_WHOLE:
            self.wrong(name, f"a whole number, {least} or more")
            return default
        return number

    def optional_whole(self, name: str, *, least: int) -> int | None:
        """As `whole`; None where it is not there."""
        return self.whole(name, least, least=least) if name in self else None

    def number(self, name: str, default: float, *, above: float | None = None) -> float:
        """A number, greater than `above`."""
        node = self.get(name)
        if node is None:
            return default
        number = number_of(node)
        if number is None:
            self.wrong(name, "a number")
            return default
        if above is not None and number <= above:
            self.error(name, f"{name} must be more than {above:g}, not {node.text}")
            return default
        return float(number)

    def optional_number(self, name: str) -> float | None:
        """A number; None where it is not there."""
        return self.number(name, 0.0) if name in self else None

    def share(self, name: str, default: float, *, whole: float = 1.0) -> float:
        """A number between 0 and `whole`."""
        number = self.number(name, default)
        if not 0 <= number <= whole:
            self.error(name, f"{name} must be between 0 and {whole:g}, not {number:g}")
            return default
        return number

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        node = self.get(name)
        if node is None:
            return default
        if not isinstance(node.scalar, bool):
            self.wrong(name, "true or false")
            return default
        return node.scalar

    def seconds(self, name: str) -> float | None:
        """A duration."""
        node = self.get(name)
        if node is None:
            return None
        seconds = seconds_of(node)
        if seconds is None:
            self.wrong(name, "a duration like 90s, 30m, 2h or 1h30m")
        elif seconds <= 0:
            self.error(name, f"{name} must be more than no time at all, not {node.text}")
        return seconds

    def bytes(self, name: str) -> int | None:
        """A size of memory."""
        node = self.get(name)
        if node is None:
            return None
        size = bytes_of(node)
        if size is None:
            self.wrong(name, "a size like 512M or 32G")
        elif size <= 0:
            self.error(name, f"{name} must be more than nothing, not {node.text}")
        return size

    def map(self, name: str, keys: Keys | None) -> Fields | None:
        """The fields of a map that is a field."""
        node = self.get(name)
        if node is None:
            return None
        if node.kind != "map":
            self.wrong(name, "a map")
            return None
        return Fields(node, keys, self.findings, f"{self.key}.{name}")

    def maps(self, name: str, keys: Keys | None) -> tuple[Fields, ...]:
        """The fields of each map in a list of maps that is a field."""
        node = self.get(name)
        if node is None:
            return ()
        if node.kind != "list" or not node.items or any(item.kind != "map" for item in node.items):
            self.wrong(name, "a list of maps")
            return ()
        return tuple(
            Fields(item, keys, self.findings, f"{self.key}.{name}.{index}")
            for index, item in enumerate(node.items)
        )
