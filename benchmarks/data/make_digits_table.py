"""Trains a network for every combination of four parameters, and writes the losses of all epochs to a table.

    python benchmarks/data/make_digits_table.py > benchmarks/data/digits_mlp.csv

The data is scikit-learn's digits (1,797 images of 8 x 8 pixels), of which 600 are for training and 600 for
validation. The network has one hidden layer (ReLU) and is trained by stochastic gradient descent with
momentum. A line is one training: its four parameters, then the validation loss (cross-entropy) after each
epoch, in units of 0.0001, 99999 where it diverged. A search can be replayed on such a table in no time, and
finds the same on every machine.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

LEARNING_RATES = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0])
MOMENTA = np.array([0.0, 0.5, 0.8, 0.9, 0.97])
UNITS = (4, 8, 16, 32, 64)
BATCHES = (16, 64, 200)
EPOCHS, ROWS, DIVERGED = 27, 600, 99999

Floats = NDArray[np.float64]


def main() -> None:
    """Writes the table."""
    images, digits = load_digits(return_X_y=True)
    images, targets = images / 16.0, np.eye(10)[digits]
    train = (images[:ROWS], targets[:ROWS])
    val = (images[ROWS : 2 * ROWS], targets[ROWS : 2 * ROWS])
    pairs = list(itertools.product(LEARNING_RATES, MOMENTA))
    print("learning_rate,momentum,units,batch,losses")
    for units, batch in itertools.product(UNITS, BATCHES):
        curves = np.array(list(trained(pairs, units, batch, train, val))).T
        for (rate, momentum), losses in zip(pairs, curves, strict=True):
            print(f"{rate},{momentum},{units},{batch},{' '.join(map(str, losses))}", flush=True)


def trained(
    pairs: list[tuple[float, float]],
    units: int,
    batch: int,
    train: tuple[Floats, Floats],
    val: tuple[Floats, Floats],
) -> Iterator[NDArray[np.int64]]:
    """After each epoch the validation losses of as many networks as there are pairs of rate and momentum.

    All are trained at once, from the same weights and with the same batches.
    """
    random = np.random.default_rng(0)
    count = len(pairs)
    rate, momentum = (np.array(column)[:, None, None] for column in zip(*pairs, strict=True))
    shapes = ((64, units), (1, units), (units, 10), (1, 10))
    weights = [
        np.repeat(random.normal(0, np.sqrt(2 / shape[0]), (1, *shape)) * (shape[0] > 1), count, axis=0)
        for shape in shapes
    ]
    speeds = [np.zeros_like(weight) for weight in weights]
    for _ in range(EPOCHS):
        for rows in np.array_split(random.permutation(ROWS), range(batch, ROWS, batch)):
            slopes = gradients(weights, train[0][rows], train[1][rows])
            for layer, slope in enumerate(slopes):
                speeds[layer] = speeds[layer] * momentum - rate * slope
                weights[layer] = weights[layer] + speeds[layer]
        yield losses_of(weights, *val)


def hidden_and_output(weights: list[Floats], images: Floats) -> tuple[Floats, Floats]:
    """The hidden layers, and the probabilities of the digits: (networks, rows, units or 10)."""
    hidden = np.maximum(images @ weights[0] + weights[1], 0)
    logits = hidden @ weights[2] + weights[3]
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    return hidden, powers / powers.sum(axis=2, keepdims=True)


def gradients(weights: list[Floats], images: Floats, targets: Floats) -> tuple[Floats, ...]:
    """Of the mean cross-entropy, by all weights."""
    hidden, output = hidden_and_output(weights, images)
    above = (output - targets) / len(images)
    below = (above @ weights[2].transpose(0, 2, 1)) * (hidden > 0)
    return (
        images.T @ below,
        below.sum(axis=1, keepdims=True),
        hidden.transpose(0, 2, 1) @ above,
        above.sum(axis=1, keepdims=True),
    )


def losses_of(weights: list[Floats], images: Floats, targets: Floats) -> NDArray[np.int64]:
    """The mean cross-entropy of each network, in units of 0.0001."""
    _, output = hidden_and_output(weights, images)
    picked = np.maximum((output * targets).sum(axis=2), 1e-10)
    losses = -np.log(picked).mean(axis=1) * 1e4
    rounded: NDArray[np.int64] = (
        np.where(np.isfinite(losses), np.minimum(losses, DIVERGED), DIVERGED).round().astype(np.int64)
    )
    return rounded


if __name__ == "__main__":
    with np.errstate(all="ignore"):  # some learning rates are too high, on purpose
        main()
