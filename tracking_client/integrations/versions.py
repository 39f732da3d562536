"""Whether a library is new enough for what is known here of it."""

from __future__ import annotations

import re


def is_supported(version: str, oldest: tuple[int, ...]) -> bool:
    """Whether `version`, such as "1.9.1rc1", is `oldest` or later."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[: len(oldest)]) >= oldest


__all__ = ["is_supported"]
