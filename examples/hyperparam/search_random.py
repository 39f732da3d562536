"""Looks for a good learning rate and momentum at random. Every trial is a run of `train`."""

from __future__ import annotations

import numpy as np
from trials import Params, read_options, search

if __name__ == "__main__":
    options = read_options(__doc__)

    def ask(number: int) -> Params:
        """Depends on the seed and the number alone: more trials or more slots change none of the others."""
        random = np.random.default_rng([options.seed, number])
        return {"learning_rate": 10 ** random.uniform(-5, -1), "momentum": random.uniform(0.0, 0.99)}

    def tell(number: int, value: float | None) -> None:
        """Random search learns nothing."""

    search(options, ask, tell, horizon=options.max_runs)
