"""Trains a small neural network for regression and logs how it does, epoch by epoch.

The parameters are recorded by whoever runs the entry point; this script logs what it measures:

- `train_rmse`, `val_rmse`, `test_rmse` after each epoch (the step), in the unit of the target;
- `best_epoch`, which is the one with the lowest `val_rmse`, and its `best_train_rmse`, `best_val_rmse` and
  `best_test_rmse`: a search minimises `best_val_rmse`, and `best_test_rmse` is what the model is worth;
- the model with the weights of that epoch and its signature, as the logged model `model`.

With `--epochs 0` there is no training: the mean of the training rows is the prediction, and the run is tagged
`runner.baseline`. It is what a trained model has to beat.
"""

from __future__ import annotations

import argparse
import sys

import dataset
import numpy as np

import tracking_client


def main() -> None:
    """Trains as the command line says."""
    parser = argparse.ArgumentParser(description="Trains a small neural network for regression.")
    parser.add_argument("--training-data", default="", help="a CSV file; by default, scikit-learn's diabetes")
    parser.add_argument("--target", default="", help="the column to predict; by default, the last one")
    parser.add_argument("--epochs", type=int, default=32, help="0 predicts the mean")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--momentum", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=97531)
    options = parser.parse_args()
    split = dataset.load(options.training_data, options.target, options.seed)
    with tracking_client.start_run():
        if options.epochs == 0:
            predict_the_mean(split)
        else:
            train(split, options)


def predict_the_mean(split: dataset.Split) -> None:
    """The null model."""
    tracking_client.set_tag("runner.baseline", "true")
    scores = dataset.rmse(split, np.full_like(split.target, split.target[split.train].mean()))
    tracking_client.log_metrics(scores, step=0)
    log_best(0, scores)


def train(split: dataset.Split, options: argparse.Namespace) -> None:
    """The network."""
    import network  # TensorFlow takes seconds to load: only where it is needed, after the data proved sound

    network.make_reproducible(options.seed)
    model = network.build(split)
    try:
        epoch, scores = network.fit(
            model,
            split,
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            momentum=options.momentum,
            seed=options.seed,
            on_epoch=lambda epoch, scores: tracking_client.log_metrics(scores, step=epoch),
        )
    except network.DivergedError as error:
        sys.exit(f"the training diverged: {error}; a lower learning rate or momentum may help")
    log_best(epoch, scores)
    signature = tracking_client.models.infer_signature(split.features, split.target)
    tracking_client.tensorflow.log_model(model, name="model", step=epoch, signature=signature)


def log_best(epoch: int, scores: dict[str, float]) -> None:
    """Logs and prints the result of the run."""
    best = {f"best_{name}": value for name, value in scores.items()}
    tracking_client.log_metrics({**best, "best_epoch": epoch})
    print(f"best epoch {epoch}:", *(f"{name} {value:.6g}" for name, value in scores.items()))


if __name__ == "__main__":
    main()
