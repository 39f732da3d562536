"""Looks for a good learning rate and momentum with hyperopt's TPE. Every trial is a run of `train`."""

from __future__ import annotations

import math
from typing import Any

from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK, Trials, hp, rand, tpe
from hyperopt.base import Domain
from trials import Params, read_options, search

SPACE = {
    "learning_rate": hp.loguniform("learning_rate", math.log(1e-5), math.log(1e-1)),
    "momentum": hp.uniform("momentum", 0.0, 0.99),
}


class Tpe:
    """TPE one suggestion at a time, so that trials may run side by side.

    The first third of the trials is drawn at random, but at most 20, hyperopt's own figure. Hyperopt counts
    running trials too, so that a wide sweep would leave this phase without a single result: what counts here
    are trials that ended well. A running trial and a failed one are bad news to TPE: it looks elsewhere.
    """

    def __init__(self, seed: int, max_runs: int) -> None:
        self._seed = seed
        self._random_first = min(20, math.ceil(max_runs / 3))
        self._domain = Domain(lambda _: None, SPACE)
        self._trials = Trials()

    def ask(self, number: int) -> Params:
        """The params of trial `number`: a function of the seed, the number and what was told, no more."""
        seed = [self._seed, number]
        if self._trials.statuses().count(STATUS_OK) < self._random_first:
            documents = rand.suggest([number], self._domain, self._trials, seed)
        else:
            documents = tpe.suggest(
                [number], self._domain, self._trials, seed, n_startup_jobs=0, verbose=False
            )
        self._trials.insert_trial_docs(documents)
        self._trials.refresh()
        return {name: float(value) for name, (value,) in documents[0]["misc"]["vals"].items()}

    def tell(self, number: int, value: float | None) -> None:
        """How trial `number` ended."""
        document: dict[str, Any] = self._trials.trials[number]
        failed = {"status": STATUS_FAIL}
        document["result"] = failed if value is None else {"status": STATUS_OK, "loss": value}
        document["state"] = JOB_STATE_DONE
        self._trials.refresh()


if __name__ == "__main__":
    options = read_options(__doc__)
    searcher = Tpe(options.seed, options.max_runs)
    search(options, searcher.ask, searcher.tell, horizon=options.parallel)
