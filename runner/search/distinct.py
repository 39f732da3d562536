"""Not trying the same thing twice where there are only so many things to try."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Protocol

from runner.model.space import Params, Space
from runner.search.draws import point
from runner.search.protocol import Told

Key = tuple[tuple[str, str, object], ...]

PROPOSALS = 20
"""How often an engine is asked for something new before chance decides."""
DRAWS = 100


def key_of(params: Params) -> Key:
    """What makes two trials the same: `True`, 1 and 1.0 are three values."""
    return tuple((name, type(value).__name__, value) for name, value in sorted(params.items()))


class Engine(Protocol):
    """What proposes from what it was told: a searcher that can be asked again for the same number."""

    def propose(self, number: int, attempt: int) -> Params:
        """Proposal `attempt` (from 0) for suggestion `number`."""

    def add(self, number: int, params: Params) -> None:
        """See `Searcher.add`."""

    def tell(self, number: int, told: Told) -> None:
        """See `Searcher.tell`."""

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """See `Searcher.learn`."""


class EngineSearcher:
    """The searcher of an engine; a suggestion is its first proposal.

    In a finite space (unless `allow_duplicates`) it is the first one that was not added before; where the
    engine insists, a random point that was not; then the first one left of the grid; None when all were.
    """

    def __init__(self, engine: Engine, space: Space, seed: int, *, allow_duplicates: bool = False) -> None:
        self._engine = engine
        self._space = space
        self._seed = seed
        self._added: set[Key] | None = set() if space.is_finite and not allow_duplicates else None
        self._left = space.grid() if self._added is not None else iter(())
        self._next_left = next(self._left, None)

    def suggest(self, number: int) -> Params | None:
        """See `Searcher.suggest`."""
        if self._added is None:
            return self._engine.propose(number, 0)
        while self._next_left is not None and key_of(self._next_left) in self._added:
            self._next_left = next(self._left, None)
        if self._next_left is None:
            return None
        draws = (point(self._space, self._seed, f"{number}.{draw}") for draw in range(DRAWS))
        proposals = (self._engine.propose(number, attempt) for attempt in range(PROPOSALS))
        for params in chain(proposals, draws):
            if key_of(params) not in self._added:
                return params
        return self._next_left

    def add(self, number: int, params: Params) -> None:
        """See `Searcher.add`."""
        if self._added is not None:
            self._added.add(key_of(params))
        self._engine.add(number, params)

    def tell(self, number: int, told: Told) -> None:
        """See `Searcher.tell`."""
        self._engine.tell(number, told)

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """See `Searcher.learn`."""
        self._engine.learn(history)
