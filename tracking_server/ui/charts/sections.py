"""Metrics as sections of a page: those that begin with the same words before a slash belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SYSTEM = "system"
"""The section of what is measured of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Metrics of one prefix, "" for none. `is_folded`: it is opened by who wants to see it."""

    prefix: str
    names: tuple[str, ...]
    is_folded: bool


def sections(names: Iterable[str]) -> list[Section]:
    """Metrics without a prefix first, the machine's last, all else by name.

    One metric is no section: what has its prefix to itself stands among those without.
    """
    by_prefix: dict[str, list[str]] = {}
    for name in names:
        prefix, slash, _ = name.partition("/")
        by_prefix.setdefault(prefix if slash else "", []).append(name)
    alone = [prefix for prefix, found in by_prefix.items() if len(found) == 1 and prefix not in ("", SYSTEM)]
    for prefix in alone:
        by_prefix.setdefault("", []).extend(by_prefix.pop(prefix))
    return [
        Section(prefix=prefix, names=tuple(sorted(by_prefix[prefix])), is_folded=prefix == SYSTEM)
        for prefix in sorted(by_prefix, key=lambda prefix: (prefix == SYSTEM, prefix))
    ]
