"""Randomness that is addressed, not consumed: each draw is a function of the seed and of what it is for."""

from __future__ import annotations

import hashlib

from runner.model.space import Space, Value

SEED_RANGE = 2**31 - 1
"""Seeds that are handed to engines are below this, as hyperopt's are."""


def fraction(seed: int, number: int | str, name: str) -> float:
    """A number from 0 to 1 (without 1) with 53 random bits, for the parameter `name` of draw `number`."""
    return (_bits(f"{seed}/{number}/{name}") >> 11) / 2**53


def derived_seed(seed: int, *purpose: int | str) -> int:
    """A seed below `SEED_RANGE` for one purpose, as good as unrelated to those for others."""
    return _bits("/".join(map(str, (seed, *purpose)))) % SEED_RANGE


def point(space: Space, seed: int, number: int | str) -> dict[str, Value]:
    """A random point of the space. One more parameter does not change the values of the others."""
    values = {d.name: d.domain.at(fraction(seed, number, d.name)) for d in space.dimensions}
    return space.narrowed(values)


def _bits(text: str) -> int:
    # SHA-256 is the same on every machine and version of Python, which no generator of a library promises.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
