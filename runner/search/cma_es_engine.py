"""CMA-ES: a normal distribution that moves to where the good trials are, and takes their shape.

N. Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772. The mathematics is that of the package
`cmaes`, which Optuna's sampler uses too. Optuna's keeps its state on the trials that it proposed; here it
follows from what was told, in that order, so a search can be resumed and a proposal leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cmaes import CMA
from numpy.typing import NDArray

from runner.model.space import Choice, Dimension, Normal, Params, Space, Value
from runner.model.sweep import Sweep
from runner.search.draws import derived_seed, point
from runner.search.losses import loss_of
from runner.search.protocol import Told

_EDGE = 1e-9


class CmaEsEngine:
    """What CMA-ES proposes. An `Engine`.

    It searches the unit cube: of each ordered parameter, the fraction of its range or of its probability.
    Values without an order, and parameters that do not always matter, are drawn at random. Each time that
    `population_size` more trials are over, in whichever order, the distribution moves. A failed trial counts
    as the worst of its population.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        sigma: float,
        population_size: int | None = None,
        ignore_failures: bool = False,
    ) -> None:
        self._space = space
        self._seed = seed
        self._ignore_failures = ignore_failures
        self._axes = [d for d in space.dimensions if not d.when and _is_ordered(d)]
        count = len(self._axes)
        # One axis is none to the package: its second one is never used.
        self._distribution = CMA(
            mean=np.full(max(count, 2), 0.5),
            sigma=sigma,
            bounds=np.tile([0.0, 1.0], (max(count, 2), 1)),
            population_size=population_size,
            seed=0,
        )
        self._pending: dict[int, NDArray[np.float64]] = {}
        self._population: list[tuple[NDArray[np.float64], float | None]] = []

    def propose(self, number: int, attempt: int) -> Params:
        """See `Engine.propose`."""
        seed = derived_seed(self._seed, number, attempt)
        values = point(self._space, seed, "others")
        everything = {d.name: values.get(d.name, d.domain.at(0.5)) for d in self._space.dimensions}
        if self._axes and not self._distribution.should_stop():
            self._distribution.reseed_rng(seed)
            drawn = self._distribution.ask()
            chosen = {
                d.name: d.domain.at(min(float(x), 1 - _EDGE)) for d, x in zip(self._axes, drawn, strict=False)
            }
            everything.update(chosen)
        return self._space.narrowed(everything)

    def add(self, number: int, params: Params) -> None:
        """See `Engine.add`."""
        if (place := self._place(params)) is not None:
            self._pending[number] = place

    def tell(self, number: int, told: Told) -> None:
        """See `Engine.tell`."""
        loss, place = loss_of(told), self._pending.pop(number, None)
        if place is None or told.is_void or (loss is None and self._ignore_failures):
            return
        self._population.append((place, loss))
        if len(self._population) == self._distribution.population_size:
            self._move()

    def _move(self) -> None:
        losses = [loss for _, loss in self._population if loss is not None]
        if losses:
            worst = max(losses)
            self._distribution.tell([(x, worst if loss is None else loss) for x, loss in self._population])
        self._population.clear()

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """See `Engine.learn`. The distribution begins around the best trial that is of today's space."""
        known = [
            (loss, place)
            for params, told in history
            if (loss := loss_of(told)) is not None and (place := self._place(params)) is not None
        ]
        if known:
            self._distribution._mean = min(known, key=lambda pair: pair[0])[1].copy()

    def _place(self, params: Params) -> NDArray[np.float64] | None:
        if not self._space.includes(params):
            return None
        fractions = [_fraction(d, params[d.name]) for d in self._axes]
        return np.array(fractions + [0.5] * (max(len(fractions), 2) - len(fractions)))


def engine_for(sweep: Sweep, seed: int, options: Mapping[str, Any]) -> CmaEsEngine:
    """The engine of a sweep. `options` are checked."""
    return CmaEsEngine(sweep.space, seed, ignore_failures=sweep.on_failure == "ignore", **options)


def _is_ordered(dimension: Dimension) -> bool:
    return not isinstance(dimension.domain, Choice)


def _fraction(dimension: Dimension, value: Value) -> float:
    domain = dimension.domain
    assert not isinstance(domain, Choice)
    if isinstance(domain, Normal) or domain.stride is None or domain.log:
        return min(max(domain.fraction_below(float(value)), 0.0), 1.0)
    # The middle of the share of the range that belongs to the value.
    return (round((float(value) - domain.minimum) / domain.stride) + 0.5) / (domain.size or 1)
