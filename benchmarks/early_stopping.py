"""Measures how much sooner a search is within 1 % of the best where trials are stopped early: prints a table.

Real learning curves: a small network is trained with a grid of hyperparameters on one of scikit-learn's own
data sets, once, and kept in `--cache`. Searches then draw trials from that table in random order (none twice)
and run them on `--parallel` slots by a simulated clock: every epoch takes as long as it took to train. So the
rules are compared on the same trials, in the same order, and nothing else takes time.

`python benchmarks/early_stopping.py` takes some minutes the first time, and seconds after that.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import statistics
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from runner.model.sweep import EarlyStop, Objective, Sweep
from runner.search.stopping.rules import rule_for

EPOCHS = 81
WITHIN = 0.01
RULES: dict[str, EarlyStop | None] = {
    "none": None,
    "median": EarlyStop(rule="median", min_step=3, min_trials=5),
    "percentile 75": EarlyStop(rule="percentile", percentile=75, min_step=3, min_trials=5),
    "asha": EarlyStop(rule="asha", min_step=3, max_step=EPOCHS, eta=3, min_trials=3),
    "hyperband": EarlyStop(rule="hyperband", min_step=3, max_step=EPOCHS, eta=3, min_trials=3),
}


@dataclass(frozen=True)
class Curve:
    """The validation loss after each epoch, and the seconds that an epoch takes."""

    losses: tuple[float, ...]
    epoch_s: float


@dataclass(frozen=True)
class Search:
    """Seconds and epochs until a trial had ended within 1 % of the table's best, and how far off it was."""

    seconds: float
    epochs: int
    regret: float


def trained(cache: Path) -> list[Curve]:
    """The curves of the grid, trained now or before."""
    if not cache.exists():
        curves = list(_train())
        rows = [{"losses": curve.losses, "epoch_s": curve.epoch_s} for curve in curves]
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(rows))
    return [Curve(tuple(row["losses"]), row["epoch_s"]) for row in json.loads(cache.read_text())]


def _train() -> Iterator[Curve]:
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.metrics import log_loss
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    features, classes = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(features / 16, classes, test_size=0.4, random_state=0)
    grid = list(product(np.logspace(-3.5, 0, 12), (0.0, 0.5, 0.9), ((8,), (32,), (32, 16))))
    for number, (rate, momentum, layers) in enumerate(grid):
        print(f"\rtraining {number + 1} of {len(grid)}", end="", flush=True)
        model = MLPClassifier(
            hidden_layer_sizes=layers,
            solver="sgd",
            batch_size=64,
            learning_rate_init=rate,
            momentum=momentum,
            random_state=number,
        )
        started = time.process_time()
        losses = []
        for _ in range(EPOCHS):
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    model.partial_fit(train_x, train_y, classes=range(10))
                    losses.append(float(log_loss(test_y, model.predict_proba(test_x), labels=range(10))))
                except ValueError:  # it has diverged
                    losses.append(math.nan)
        yield Curve(tuple(losses), (time.process_time() - started) / EPOCHS)
    print()


def searched(curves: Sequence[Curve], early_stop: EarlyStop | None, *, seed: int, parallel: int) -> Search:
    """A search of the whole table in an order of its own, on a simulated clock."""
    order = random.Random(seed).sample(range(len(curves)), len(curves))
    rule = rule_for(Sweep(name="search", objectives=(Objective(metric="loss"),), early_stop=early_stop))
    best = min(curve.losses[-1] for curve in curves if math.isfinite(curve.losses[-1]))
    found, epochs, began = math.inf, 0, 0
    running: list[tuple[float, int, int]] = []
    now = 0.0
    while running or began < len(order):
        while len(running) < parallel and began < len(order):
            heapq.heappush(running, (now + curves[order[began]].epoch_s, began, 1))
            began += 1
        now, number, epoch = heapq.heappop(running)
        epochs += 1
        loss = curves[order[number]].losses[epoch - 1]
        if rule is not None:
            rule.observe(number, [(epoch, loss)])
            if rule.judge(number) is not None:
                continue
        if epoch < EPOCHS:
            heapq.heappush(running, (now + curves[order[number]].epoch_s, number, epoch + 1))
            continue
        if math.isfinite(loss):
            found = min(found, loss)
        if found <= best * (1 + WITHIN):
            break
    return Search(now, epochs, found / best - 1)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks/learning-curves.json"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    curves = trained(options.cache)
    rows = {}
    for name, early_stop in RULES.items():
        rows[name] = [
            searched(curves, early_stop, seed=seed, parallel=options.parallel)
            for seed in range(options.seeds)
        ]
    plain = statistics.median(search.seconds for search in rows["none"])
    print(f"{len(curves)} curves of {EPOCHS} epochs, {options.seeds} searches, {options.parallel} at once")
    print(f"{'rule':15}{'median s':>10}{'quartiles':>18}{'of none':>9}{'epochs':>9}{'within 1 %':>12}")
    for name, searches in rows.items():
        first, middle, third = statistics.quantiles([search.seconds for search in searches], n=4)
        spent = statistics.median(search.epochs for search in searches)
        share = sum(search.regret <= WITHIN for search in searches) / len(searches)
        quartiles = f"{first:.1f} - {third:.1f}"
        print(f"{name:15}{middle:>10.1f}{quartiles:>18}{middle / plain:>9.2f}{spent:>9.0f}{share:>12.0%}")
    if options.json:
        samples = {name: [vars(search) for search in searches] for name, searches in rows.items()}
        options.json.write_text(json.dumps(samples, indent=1))


if __name__ == "__main__":
    main()
