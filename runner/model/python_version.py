"""Which Python a project asks for: `3.11`, `3.11.7`, `>=3.9,<3.12`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PythonVersion = tuple[int, int, int]

_CLAUSE = re.compile(r"^(?P<operator>==|=|~=|!=|>=|<=|>|<)?\s*(?P<version>\d+(?:\.\d+){0,2})(?:\.\*)?$")


def _starts_with(version: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return version[: len(wanted)] == wanted


def _is_compatible(version: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return version >= wanted and version[: len(wanted) - 1] == wanted[:-1]


_TESTS: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "=": _starts_with,
    "==": _starts_with,
    "!=": lambda version, wanted: not _starts_with(version, wanted),
    "~=": _is_compatible,
    ">=": lambda version, wanted: version >= wanted,
    "<=": lambda version, wanted: version <= wanted or _starts_with(version, wanted),
    ">": lambda version, wanted: version > wanted and not _starts_with(version, wanted),
    "<": lambda version, wanted: version < wanted,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonRequest:
    """A wish for an interpreter. A bare `3.11` admits every 3.11.x; clauses joined by commas all hold."""

    text: str
    clauses: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def parse(cls, text: str) -> PythonRequest:
        """Reads a version, or clauses as PEP 440 and conda write them.

        Raises ValueError, with a message for the user, for anything else.
        """
        clauses: list[tuple[str, tuple[int, ...]]] = []
        for part in text.split(","):
            match = _CLAUSE.match(part.strip())
            if match is None:
                raise ValueError(f"{text!r} is not a Python version: write one such as 3.11 or 3.11.7")
            numbers = tuple(int(number) for number in match["version"].split("."))
            clauses.append((match["operator"] or "=", numbers))
        return cls(text=text.strip(), clauses=tuple(clauses))

    def admits(self, version: PythonVersion) -> bool:
        """Whether an interpreter of that version is what was asked for."""
        return all(_TESTS[operator](version, wanted) for operator, wanted in self.clauses)

    @property
    def exact(self) -> PythonVersion | None:
        """The version where one patch release is pinned, else None."""
        if len(self.clauses) != 1:
            return None
        operator, wanted = self.clauses[0]
        if operator not in ("=", "==") or len(wanted) != 3:
            return None
        return (wanted[0], wanted[1], wanted[2])
