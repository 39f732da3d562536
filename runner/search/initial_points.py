"""Trying first what somebody thinks is good."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model.space import Params
from runner.search.protocol import Searcher, Told


class InitialPoints:
    """Suggests the `points` in their order; whatever comes after them is the searcher's."""

    def __init__(self, searcher: Searcher, points: Sequence[Params]) -> None:
        self._searcher = searcher
        self._points = points

    def suggest(self, number: int) -> Params | None:
        """See `Searcher.suggest`."""
        return self._points[number] if number < len(self._points) else self._searcher.suggest(number)

    def add(self, number: int, params: Params) -> None:
        """See `Searcher.add`."""
        self._searcher.add(number, params)

    def tell(self, number: int, told: Told) -> None:
        """See `Searcher.tell`."""
        self._searcher.tell(number, told)

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """See `Searcher.learn`."""
        self._searcher.learn(history)
