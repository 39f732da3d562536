"""The model: a small Keras network, trained reproducibly and without Keras' usual costs per epoch."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its results depend on the processor

import keras
import numpy as np
import tensorflow as tf
from dataset import Floats, Split, rmse

Scores = dict[str, float]


class DivergedError(Exception):
    """The training left the range of numbers."""


def make_reproducible(seed: int) -> None:
    """Equal seeds give equal numbers, bit for bit, however many trainings share the machine.

    Call it before anything else of TensorFlow. One thread each, since the order of a sum depends on how many
    there are; it is no slower, as a network of this size cannot use more.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def build(split: Split) -> Any:
    """A network from raw features to the raw target, which knows the scale of both from the training rows."""
    features, target = split.features[split.train], split.target[split.train]
    return keras.Sequential(
        [
            keras.Input((features.shape[1],)),
            keras.layers.Normalization(mean=features.mean(axis=0), variance=features.var(axis=0)),
            keras.layers.Dense(features.shape[1], activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1),
            keras.layers.Rescaling(float(target.std()) or 1.0, float(target.mean())),
        ]
    )


def fit(
    model: Any,
    split: Split,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    momentum: float,
    seed: int,
    on_epoch: Callable[[int, Scores], object],
) -> tuple[int, Scores]:
    """Trains `model` and leaves it with the weights of its best epoch, which is returned with its scores.

    The best epoch is the one with the lowest `val_rmse`. `on_epoch` gets the number of each finished epoch
    (from 1) and its scores. Raises DivergedError as soon as a score is no longer a number.
    """
    features, target = split.features[split.train], split.target[split.train]
    steps = -(-len(target) // batch_size)
    # One endless stream, and one call for all steps of an epoch: Keras starts over at a price.
    batches = (
        tf.data.Dataset.from_tensor_slices((features, target))
        .shuffle(len(target), seed=seed)
        .batch(batch_size)
        .repeat()
    )
    # Dividing by the target's variance makes a learning rate mean the same for every table.
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate, momentum=momentum),
        loss="mse",
        loss_weights=[1.0 / (float(target.var()) or 1.0)],
        steps_per_execution=steps,
    )
    predict = tf.function(model)
    best: tuple[int, Scores] = (0, {})
    best_weights: list[Floats] = model.get_weights()

    def score(index: int, _logs: object) -> None:
        nonlocal best, best_weights
        epoch, scores = index + 1, rmse(split, predict(split.features).numpy())
        if not np.isfinite(list(scores.values())).all():
            raise DivergedError(f"epoch {epoch} gave {scores}")
        on_epoch(epoch, scores)
        if epoch == 1 or scores["val_rmse"] < best[1]["val_rmse"]:
            best, best_weights = (epoch, scores), model.get_weights()

    model.fit(
        batches,
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=score)],
    )
    model.set_weights(best_weights)
    return best
