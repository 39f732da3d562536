"""`hyperopt.tpe.suggest` without doing all its preparations again for each suggestion.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, Algorithms for Hyper-Parameter Optimization, NIPS 2011. The
numbers are hyperopt's own, to the last bit. Between suggestions we keep its graph of the posterior, and the
history in the form that the graph wants; that is split into good and bad by numpy, not in a loop.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hyperopt import Trials, pyll, tpe
from hyperopt.base import Domain, miscs_update_idxs_vals
from numpy.typing import NDArray

_SPLIT = "runner_split_trials"


class Observations:
    """All trials as columns sorted by number: their losses (infinite: none), and each parameter's values."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.losses: list[float] = []
        self._columns: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, number: int, raw: Mapping[str, Sequence[float]]) -> None:
        """A trial with these values of the parameters that matter to it."""
        place = bisect_left(self.numbers, number)
        self.numbers.insert(place, number)
        self.losses.insert(place, math.inf)
        for name, found in raw.items():
            numbers, values = self._columns.setdefault(name, ([], []))
            for value in found:
                place = bisect_left(numbers, number)
                numbers.insert(place, number)
                values.insert(place, value)

    def end(self, number: int, loss: float) -> None:
        """The loss of a trial is known."""
        self.losses[bisect_left(self.numbers, number)] = loss

    def forget(self, number: int) -> None:
        """The trial never was."""
        place = bisect_left(self.numbers, number)
        del self.numbers[place], self.losses[place]
        for numbers, values in self._columns.values():
            place = bisect_left(numbers, number)
            if numbers[place : place + 1] == [number]:
                del numbers[place], values[place]

    def column(self, name: str) -> tuple[list[int], list[float]]:
        """The numbers of the trials that have the parameter, and its values."""
        return self._columns.get(name, ([], []))


class Tpe:
    """Tree-structured Parzen estimators over one domain. Options as in `tpe.suggest`."""

    def __init__(self, domain: Domain, *, n_ei_candidates: int, gamma: float, prior_weight: float) -> None:
        self._domain = domain
        self._candidates = n_ei_candidates
        self._observed, self._observed_loss, posterior = tpe.build_posterior_wrapper(
            domain, prior_weight, gamma
        )
        self._posterior = pyll.as_apply(posterior)
        for node in pyll.dfs(self._posterior):
            if node.name == "ap_split_trials":
                node.name = _SPLIT

    def suggest(
        self, number: int, observations: Observations, trials: Trials, seed: int
    ) -> list[dict[str, Any]]:
        """A document, as `tpe.suggest` returns."""
        # Candidates have numbers of their own, which no trial has.
        first = max([*observations.numbers[-1:], number]) + 2
        columns = {name: observations.column(name) for name in self._domain.params}
        memo = {
            self._domain.s_new_ids: list(range(first, first + self._candidates)),
            self._domain.s_rng: np.random.default_rng(seed),
            self._observed_loss["idxs"]: observations.numbers,
            self._observed_loss["vals"]: observations.losses,
            self._observed["idxs"]: {name: numbers for name, (numbers, _) in columns.items()},
            self._observed["vals"]: {name: values for name, (_, values) in columns.items()},
        }
        idxs, vals = pyll.rec_eval(self._posterior, memo=memo, print_node_on_error=False)
        misc = {"tid": number, "cmd": self._domain.cmd, "workdir": self._domain.workdir}
        miscs_update_idxs_vals([misc], idxs, vals, idxs_map={first: number}, assert_all_vals_used=False)
        documents: list[dict[str, Any]] = trials.new_trial_docs(
            [number], [None], [self._domain.new_result()], [misc]
        )
        return documents


def _split(
    numbers: Sequence[int],
    values: Sequence[float],
    loss_numbers: Sequence[int],
    losses: Sequence[float],
    gamma: float,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """`hyperopt.tpe.ap_split_trials`: the values of the best trials, and of the others."""
    order = np.argsort(np.asarray(losses))
    n_below = min(math.ceil(gamma * math.sqrt(len(losses))), tpe.DEFAULT_LF)
    is_below = np.isin(np.asarray(numbers), np.asarray(loss_numbers)[order[:n_below]])
    found = np.asarray(values)
    return found[is_below], found[~is_below]


if not hasattr(pyll.scope, _SPLIT):
    _split.__name__ = _SPLIT
    pyll.scope.define_info(o_len=2)(_split)
