"""Which parameters the objective depends on, worked out beside everything else and kept for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from tracking_server.ui.sweep.forest import Column, importances
from tracking_server.ui.sweep.scales import Axis, number_of
from tracking_server.ui.sweep.trials import Trial

LEAST_TRIALS = 20
"""Fewer say nothing: chance weighs more."""
_WORK = 8_000
"""Rows times columns that a forest grows in about half a second."""
_MOST_ROWS = 800
_BINS = 24
_KEPT = 128
_PATIENCE_S = 0.3


@dataclass(frozen=True, slots=True)
class Importance:
    """A parameter's share of what all together explain, from 0 to 1."""

    name: str
    share: float

    @property
    def percent(self) -> str:
        """The share for people."""
        return "< 1 %" if 0 < self.share < 0.01 else f"{100 * self.share:.0f} %"


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    # One: a second forest at the same time would only make both late.
    return ThreadPoolExecutor(1, thread_name_prefix="importance")


_known: OrderedDict[Hashable, asyncio.Future[list[Importance]]] = OrderedDict()


async def soon(key: Hashable, trials: Sequence[Trial], axes: Mapping[str, Axis]) -> list[Importance] | None:
    """The importances, the greatest first; None where they are still being worked out.

    `key` names what they are of: with the same one nothing is worked out twice.
    """
    loop = asyncio.get_running_loop()
    place = (id(loop), key)
    work = _known.get(place)
    if work is None:
        work = _known[place] = loop.run_in_executor(_thread(), of, list(trials), dict(axes))
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    _known.move_to_end(place)
    try:
        return await asyncio.wait_for(asyncio.shield(work), _PATIENCE_S)
    except (asyncio.TimeoutError, TimeoutError):
        return None


def of(trials: Sequence[Trial], axes: Mapping[str, Axis]) -> list[Importance]:
    """The importances, the greatest first; empty where there are too few trials, or all came to the same.

    Trials are compared by their ranks, so that one that went astray does not outweigh all others.
    """
    valued = [trial for trial in trials if trial.counts]
    names = list(axes)
    if len(valued) < LEAST_TRIALS or not names:
        return []
    rows = min(_MOST_ROWS, max(100, _WORK // len(names)), len(valued))
    taken = [valued[number * len(valued) // rows] for number in range(rows)]
    columns = [_column(axes[name], [trial.params.get(name) for trial in taken]) for name in names]
    shares = importances(columns, _ranks([trial.value or 0.0 for trial in taken]))
    total = sum(shares)
    if total <= 0:
        return []
    found = [Importance(name, share / total) for name, share in zip(names, shares, strict=True)]
    return sorted(found, key=lambda one: (-one.share, one.name))


def _column(axis: Axis, texts: Sequence[str | None]) -> Column:
    """Bins of a parameter's values. What a trial was not given has the first one."""
    if axis.kind == "names":
        known = {
            name: number for number, name in enumerate(dict.fromkeys(t for t in texts if t is not None), 1)
        }
        return Column([0 if text is None else known[text] for text in texts], len(known) + 1, ordered=False)
    numbers = [None if text is None else number_of(text) for text in texts]
    distinct = sorted({number for number in numbers if number is not None})
    share = max(1.0, len(distinct) / _BINS)
    places = {number: 1 + int(rank / share) for rank, number in enumerate(distinct)}
    bins = [0 if number is None else places[number] for number in numbers]
    return Column(bins, max(bins) + 1, ordered=True)


def _ranks(values: Sequence[float]) -> list[float]:
    """The places of values in their order, from 0 to 1; equals share one."""
    order = sorted(set(values))
    place = {value: number / max(1, len(order) - 1) for number, value in enumerate(order)}
    return [place[value] for value in values]
