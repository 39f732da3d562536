"""Points that fill a space more evenly than chance does: Halton's sequence, scrambled.

J. H. Halton, Algorithm 247: Radical-inverse quasi-random point sequence, Communications of the ACM 7 (1964).
Coordinate i of point n is n written in the base of the ith prime, mirrored at the point. Without scrambling,
coordinates of large bases run in step for long; so each digit is replaced through a random permutation of its
own (A. Owen, A randomized Halton algorithm in R, arXiv:1706.02808, 2017).
"""

from __future__ import annotations

from functools import lru_cache

from runner.model.space import Space, Value
from runner.search.draws import fraction

_RESOLUTION = 2.0**-53


class Halton:
    """The sequence of a seed in a space, which may be asked for any point. Thread-safe."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._seed = seed
        self._bases = primes(len(space.dimensions))

    def point(self, number: int) -> dict[str, Value]:
        """Point `number` (from 0) of the sequence."""
        values = {
            dimension.name: dimension.domain.at(self._coordinate(number, base, dimension.name))
            for dimension, base in zip(self._space.dimensions, self._bases, strict=True)
        }
        return self._space.narrowed(values)

    def _coordinate(self, number: int, base: int, name: str) -> float:
        value, weight, place = 0.0, 1.0, 0
        while weight > _RESOLUTION:
            number, digit = divmod(number, base)
            weight /= base
            value += weight * permutation(self._seed, base, place, name)[digit]
            place += 1
        return min(value, 1 - _RESOLUTION)


@lru_cache(maxsize=65536)
def permutation(seed: int, base: int, place: int, name: str) -> tuple[int, ...]:
    """The random order of the digits of a base, for one place behind the point."""
    return tuple(sorted(range(base), key=lambda digit: fraction(seed, f"{place}.{digit}", name)))


def primes(count: int) -> list[int]:
    """The first so many primes."""
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found
