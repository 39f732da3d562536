"""The searcher, kept up to date with the ledger: what it is told, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model.space import Params
from runner.search.protocol import Searcher, Told
from runner.sweeping.entries import Entry, Learned, Over, Suggested
from runner.sweeping.halting import counts_against_parameters
from runner.sweeping.ledger import BASELINE, Ledger


class Asking:
    """Adds points and tells results to a searcher.

    Results are told as they come. In a deterministic sweep they are told in the order of the points, and each
    suggestion knows those up to its horizon and no more, so that it never matters which trial ended first.
    A resumed sweep repeats the same calls by the ledger of its journal, entry by entry.
    """

    def __init__(self, searcher: Searcher, ledger: Ledger) -> None:
        self._searcher = searcher
        self._ledger = ledger
        self._told: set[int] = set()
        self._tell_next = 0

    def suggest(self, number: int) -> Params | None:
        """The parameters of point `number`; None where nothing is left to try."""
        self._tell_up_to_the_horizon(number)
        return self._searcher.suggest(number)

    def follow(self, entry: Entry) -> None:
        """Takes an entry that the ledger has just taken."""
        if isinstance(entry, Suggested) and entry.point != BASELINE:
            self._tell_up_to_the_horizon(entry.point)
            self._searcher.add(entry.point, entry.params)
        elif isinstance(entry, Learned):
            self._searcher.learn(
                [(params, _told(losses, violations)) for params, losses, violations in entry.history]
            )
        elif isinstance(entry, Over) and entry.final:
            self._ended(self._ledger.trials[entry.trial].point)

    def _tell_up_to_the_horizon(self, number: int) -> None:
        horizon = self._ledger.sweep.horizon
        while horizon is not None and self._tell_next <= number - horizon:
            self._tell(self._tell_next)
            self._tell_next += 1

    def _ended(self, number: int) -> None:
        if self._ledger.sweep.horizon is None and number != BASELINE and self._ledger.is_over(number):
            self._tell(number)

    def _tell(self, number: int) -> None:
        if number in self._told:
            return  # it is repeated, as one of the best
        self._told.add(number)
        self._searcher.tell(number, news_of(self._ledger, number))


def news_of(ledger: Ledger, number: int) -> Told:
    """What a searcher is told of a point that is over."""
    sweep, values = ledger.sweep, ledger.values(number)
    baseline = (
        None if ledger.baseline is None or ledger.baseline.result is None else ledger.baseline.result.values
    )
    if values is None and not any(counts_against_parameters(r.cause) for r in ledger.results(number)):
        return Told(losses=None, is_void=True)
    if values is None and sweep.on_failure == "baseline":
        values = baseline
    if values is None:
        return Told(losses=None)
    losses = [objective.loss(value) for objective, value in zip(sweep.objectives, values, strict=True)]
    if sweep.baseline is not None and sweep.baseline.cap and baseline is not None:
        caps = [o.loss(value) for o, value in zip(sweep.objectives, baseline, strict=True)]
        losses = [min(loss, cap) for loss, cap in zip(losses, caps, strict=True)]
    return Told(losses=tuple(losses), violations=ledger.violations(number))


def _told(losses: Sequence[float] | None, violations: Sequence[float]) -> Told:
    return Told(losses=None if losses is None else tuple(losses), violations=tuple(violations))
