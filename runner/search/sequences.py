"""Searches that learn nothing: what is tried is a fixed sequence, whoever finishes when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from runner.model.space import Params, Space
from runner.search.distinct import DRAWS, Key, key_of
from runner.search.protocol import Told


class SequenceSearcher:
    """Suggestion n is the nth of a sequence of different points: any number of workers tries the same ones.

    `nth` gives point n of a sequence without an end; where it is None, the sequence is the grid. In a finite
    space (unless `allow_duplicates`) points that were there, and those that are `taken`, are left out.
    `first` is the number of the suggestion that is the first of the sequence.
    """

    def __init__(
        self,
        space: Space,
        nth: Callable[[int], Params] | None,
        *,
        taken: Sequence[Params] = (),
        first: int = 0,
        allow_duplicates: bool = False,
    ) -> None:
        self._space = space
        self._nth = nth
        self._first = first
        self._is_distinct = nth is None or (space.is_finite and not allow_duplicates)
        self._taken = {key_of(params) for params in taken}
        self._points: list[Params] = []
        self._more = self._sequence()

    def suggest(self, number: int) -> Params | None:
        """See `Searcher.suggest`."""
        index = number - self._first
        if self._nth is not None and not self._is_distinct:
            return self._nth(index)
        while len(self._points) <= index:
            params = next(self._more, None)
            if params is None:
                return None
            self._points.append(params)
        return self._points[index]

    def _sequence(self) -> Iterator[Params]:
        seen = set(self._taken)
        for params in self._candidates(seen):
            if (key := key_of(params)) not in seen:
                seen.add(key)
                yield params

    def _candidates(self, seen: set[Key]) -> Iterator[Params]:
        if self._nth is not None:
            in_vain, known = 0, len(seen)
            for index in count():
                yield self._nth(index)
                in_vain, known = (0, len(seen)) if len(seen) > known else (in_vain + 1, known)
                # Chance would take for ever to find the last points.
                if in_vain >= DRAWS:
                    break
        yield from self._space.grid()

    def add(self, number: int, params: Params) -> None:
        """Learns nothing."""

    def tell(self, number: int, told: Told) -> None:
        """Learns nothing."""

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """Learns nothing."""
