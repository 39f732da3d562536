"""Trainings with Keras, logged by ours or by MLflow's: each case in an experiment of its own.

Run as a program with "ours" or "mlflow", and what the experiments' names begin with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

FEATURES = np.random.RandomState(0).rand(40, 3).astype("float32")
AMOUNTS = FEATURES.sum(1, keepdims=True)


def model() -> Any:
    """A small model, always with the same weights."""
    import keras

    keras.utils.set_random_seed(1)
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    made.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    return made


def fit(to_fit: Any, **options: Any) -> Any:
    return to_fit.fit(FEATURES, AMOUNTS, **{"batch_size": 8, "epochs": 2, "verbose": 0, **options})


def callback_by_epochs(mlflow: Any) -> None:
    with mlflow.start_run():
        fit(model(), epochs=3, validation_split=0.2, callbacks=[mlflow.keras.MlflowCallback()])


def callback_by_steps(mlflow: Any) -> None:
    with mlflow.start_run():
        callback = mlflow.keras.MlflowCallback(log_every_epoch=False, log_every_n_steps=3)
        fit(model(), epochs=3, validation_split=0.2, callbacks=[callback])


def callback_of_an_evaluation(mlflow: Any) -> None:
    with mlflow.start_run():
        trained, callback = model(), mlflow.keras.MlflowCallback()
        fit(trained, epochs=1, callbacks=[callback])
        trained.evaluate(FEATURES, AMOUNTS, verbose=0, callbacks=[callback])


def callback_without_a_run(mlflow: Any) -> None:
    fit(model(), callbacks=[mlflow.keras.MlflowCallback()])
    mlflow.end_run()


def training(mlflow: Any) -> None:
    mlflow.keras.autolog(log_models=False)
    fit(model(), validation_data=(FEATURES[:4], AMOUNTS[:4]))


def training_by_steps(mlflow: Any) -> None:
    mlflow.keras.autolog(log_models=False, log_every_epoch=False, log_every_n_steps=2)
    fit(model(), class_weight={0: 1.0, 1: 1.0})


def training_of_batches(mlflow: Any) -> None:
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no annotations
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return FEATURES[:8], AMOUNTS[:8]

    mlflow.keras.autolog(log_models=False, extra_tags={"team": "blue"})
    model().fit(Batches(), epochs=2, verbose=0)


def two_in_one_run(mlflow: Any) -> None:
    mlflow.keras.autolog(log_models=False)
    with mlflow.start_run():
        trained = model()
        fit(trained)
        fit(trained, epochs=1)


def exclusive(mlflow: Any) -> None:
    mlflow.keras.autolog(log_models=False, exclusive=True)
    with mlflow.start_run():
        fit(model())


def failure(mlflow: Any) -> None:
    mlflow.keras.autolog(log_models=False)
    try:
        model().fit(FEATURES[:, :2], AMOUNTS, verbose=0)
    except ValueError:
        return
    raise AssertionError("Keras' own error must be seen")


def disabled(mlflow: Any) -> None:
    mlflow.keras.autolog(disable=True)
    fit(model())


CASES: tuple[Callable[[Any], None], ...] = (
    callback_by_epochs,
    callback_by_steps,
    callback_of_an_evaluation,
    callback_without_a_run,
    training,
    training_by_steps,
    training_of_batches,
    two_in_one_run,
    exclusive,
    failure,
    disabled,
)


def play(mlflow: Any, prefix: str) -> None:
    """Plays all cases."""
    for case in CASES:
        mlflow.set_experiment(f"{prefix} {case.__name__}")
        case(mlflow)
        mlflow.flush_async_logging()


if __name__ == "__main__":
    modules = {"mlflow": "mlflow", "ours": "tracking_client"}
    play(import_module(modules[sys.argv[1]]), sys.argv[2])
