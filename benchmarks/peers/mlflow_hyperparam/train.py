"""One training, tracked with MLflow the way MLflow's own example does it.

`--epochs 0` is a null model; else it is the network of our example, trained with `fit`. A callback logs each
metric by itself after each epoch and copies the model when it got better; the best one is logged at the end.
"""

from __future__ import annotations

import argparse
from typing import Any

import keras
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.model_selection import train_test_split

Table = Any  # pandas has no types here


def rmse(target: Table, predicted: Table) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.mean(np.square(np.asarray(target).ravel() - np.asarray(predicted).ravel()))))


def build(features: Table) -> Any:
    """The network."""
    return keras.Sequential(
        [
            keras.Input((features.shape[1],)),
            keras.layers.Normalization(mean=features.mean(axis=0), variance=features.var(axis=0)),
            keras.layers.Dense(features.shape[1], activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1),
        ]
    )


class BestModel:
    """Logs each epoch and keeps the best model so far."""

    def __init__(self, model: Any, test: tuple[Table, Table]) -> None:
        self.model = model
        self.test = test
        self.best: Any = None
        self.train_loss = self.val_loss = np.inf
        self.next_step = 0

    def __call__(self, epoch: int, logs: dict[str, float]) -> None:
        """The end of an epoch."""
        self.next_step = epoch + 1
        mlflow.log_metric("train_rmse", logs["loss"], step=epoch)
        mlflow.log_metric("val_rmse", logs["val_loss"], step=epoch)
        if logs["val_loss"] < self.val_loss:
            self.train_loss, self.val_loss = logs["loss"], logs["val_loss"]
            self.best = keras.models.clone_model(self.model)
            self.best.set_weights(self.model.get_weights())
            features, target = self.test
            mlflow.log_metric("test_rmse", rmse(target, self.best.predict(features, verbose=0)), step=epoch)


def main() -> None:
    """Trains as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("training_data")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--momentum", type=float)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    rows = pd.read_csv(options.training_data, sep=";")
    rest, test = train_test_split(rows, random_state=options.seed)
    train, val = train_test_split(rest, random_state=options.seed)
    x, y = train.iloc[:, :-1].to_numpy(), train.iloc[:, [-1]].to_numpy()
    val_x, val_y = val.iloc[:, :-1].to_numpy(), val.iloc[:, [-1]].to_numpy()
    test_x, test_y = test.iloc[:, :-1].to_numpy(), test.iloc[:, [-1]].to_numpy()
    with mlflow.start_run():
        if options.epochs == 0:
            mean = y.mean()
            mlflow.log_metric("train_rmse", rmse(y, np.full_like(y, mean, dtype=float)), step=-1)
            mlflow.log_metric("val_rmse", rmse(val_y, np.full_like(val_y, mean, dtype=float)), step=-1)
            mlflow.log_metric("test_rmse", rmse(test_y, np.full_like(test_y, mean, dtype=float)), step=-1)
            return
        model = build(x)
        optimizer = keras.optimizers.SGD(options.learning_rate, options.momentum)
        model.compile(loss="mean_squared_error", optimizer=optimizer)
        kept = BestModel(model, (test_x, test_y))
        model.fit(
            x,
            y,
            batch_size=options.batch_size,
            epochs=options.epochs,
            verbose=0,
            validation_data=(val_x, val_y),
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=kept)],
        )
        if kept.best is None:
            raise RuntimeError("no model was built: the training diverged")
        mlflow.log_metric("train_rmse", kept.train_loss, step=kept.next_step)
        mlflow.log_metric("val_rmse", kept.val_loss, step=kept.next_step)
        signature = infer_signature(x, kept.best.predict(x, verbose=0))
        mlflow.tensorflow.log_model(kept.best, name="model", signature=signature)


if __name__ == "__main__":
    main()
