"""What a searcher promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.model.space import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a suggestion ended, in terms of the search.

    One that `is_void` says nothing about its parameters (a machine died): it is as if it had not been.
    `losses` are the objectives, each to be minimised; None where the trial failed. `violations` are by how
    much each constraint is violated (0 or less: it holds).
    """

    losses: tuple[float, ...] | None
    is_void: bool = False
    violations: tuple[float, ...] = ()


class Searcher(Protocol):
    """Suggests parameters. Used by one thread; deterministic.

    What `suggest` returns depends on the sweep (its seed among it), on `number`, and on the calls of `learn`,
    `add` and `tell` so far, in their order, and on nothing else: no clock, no other randomness, no call of
    `suggest` before. So a search is resumed by repeating `add` and `tell`.
    """

    def suggest(self, number: int) -> Params | None:
        """The parameters of suggestion `number` (from 0); None where nothing is left to try."""

    def add(self, number: int, params: Params) -> None:
        """Suggestion `number` is being tried with these parameters, wherever they come from."""

    def tell(self, number: int, told: Told) -> None:
        """How an added suggestion ended; at most once each."""

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """Results of earlier sweeps, before anything is added."""
