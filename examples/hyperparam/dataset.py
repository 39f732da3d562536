"""The data: read once, split once, everything in memory."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The rows of one table, in three parts that share no row.

    `features` has the shape (rows, columns), `target` (rows, 1); `train`, `val` and `test` are row numbers.
    """

    features: Floats
    target: Floats
    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def parts(self) -> dict[str, NDArray[np.int64]]:
        """The row numbers of each part, by its name."""
        return {"train": self.train, "val": self.val, "test": self.test}


def load(path: str, target: str, seed: int) -> Split:
    """The CSV file at `path`, with the column `target` to be predicted: by default, the last one.

    An empty `path` is scikit-learn's diabetes data. A quarter of the rows is for testing, a quarter of the
    others for validation; `seed` alone decides which. Exits with a message where the file is no such table.
    """
    features, values = _read_csv(path, target) if path else _diabetes()
    rows = np.random.default_rng(seed).permutation(len(values))
    test, val, train = np.split(rows, [len(rows) // 4, len(rows) // 4 + len(rows) * 3 // 16])
    if not len(val):
        sys.exit(f"{path}: {len(rows)} rows are too few to split")
    return Split(features=features, target=values, train=train, val=val, test=test)


def rmse(split: Split, predicted: Floats) -> dict[str, float]:
    """The root mean squared error of each part, as `train_rmse`, `val_rmse` and `test_rmse`."""
    squared = np.square(predicted - split.target, dtype=np.float64)
    return {f"{name}_rmse": float(np.sqrt(squared[rows].mean())) for name, rows in split.parts.items()}


def _diabetes() -> tuple[Floats, Floats]:
    from sklearn.datasets import load_diabetes

    features, target = load_diabetes(return_X_y=True)
    return features.astype(np.float32), target.astype(np.float32)[:, None]


def _read_csv(path: str, target: str) -> tuple[Floats, Floats]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            names, table = _read_table(file)
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: not a CSV file of numbers with a header: {error}")
    if target and target not in names:
        sys.exit(f"{path}: no column {target!r}; it has {', '.join(names)}")
    column = names.index(target) if target else len(names) - 1
    return np.delete(table, column, axis=1), table[:, [column]]


def _read_table(file: TextIO) -> tuple[list[str], Floats]:
    header, rows = file.readline(), file.readlines()
    delimiter = max(";,\t", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    if len(names) < 2 or not rows:
        raise ValueError(f"its header names {len(names)} columns, and {len(rows)} rows follow")
    table = np.loadtxt(rows, delimiter=delimiter, quotechar='"', comments=None, dtype=np.float32, ndmin=2)
    if table.shape[1] != len(names):
        raise ValueError(f"its header names {len(names)} columns, the rows have {table.shape[1]}")
    if not np.isfinite(table).all():
        row = int(np.isfinite(table).all(axis=1).argmin())
        raise ValueError(f"line {row + 2} has a value that is not a number")
    return names, table
