"""Measures how long the check of a model's input takes, with `runner` and with MLflow, and prints one table.

Both are called in turns by one process, which has both installed: `python benchmarks/signatures.py`.
"""

from __future__ import annotations

import logging
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import mlflow.models.utils
import mlflow.types.schema
import numpy as np
import pandas as pd

from tracking_client.models import enforce_schema, infer_schema

COLUMNS, ROWS, TURNS = 100, 10_000, 5


def inputs() -> dict[str, tuple[Any, Any]]:
    """For each line of the table, what the signature is inferred from and what is checked."""
    random = np.random.default_rng(0)
    names = [f"c{number}" for number in range(COLUMNS)]
    doubles = pd.DataFrame({name: random.random(ROWS) for name in names})
    kinds = (
        random.random(ROWS),
        random.integers(0, 9, ROWS),
        random.integers(0, 2, ROWS).astype(bool),
        np.array(["a", "b"] * (ROWS // 2)),
    )
    mixed = pd.DataFrame({name: kinds[number % len(kinds)] for number, name in enumerate(names)})
    texts = pd.DataFrame({name: pd.Series(["a", "bc"] * (ROWS // 2), dtype=object) for name in names})
    chats = [{"messages": [{"role": "user", "content": "hello"}] * 3, "n": 1} for _ in range(ROWS)]
    return {
        f"{COLUMNS} columns of double": (doubles, doubles),
        f"{COLUMNS} columns, mixed": (mixed, mixed),
        f"{COLUMNS} columns, float32 for double": (doubles, doubles.astype("float32")),
        f"{COLUMNS} columns of objects that are texts": (texts, texts),
        "rows of three messages": (chats, chats),
    }


def milliseconds(call: Callable[[], object]) -> float:
    """The wall time of one call."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Prints the table."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    print(f"{f'{ROWS} rows, median ms':45}{'runner':>10}{'mlflow':>10}{'ratio':>8}")
    for what, (example, data) in inputs().items():
        schema = infer_schema(example)
        theirs = mlflow.types.schema.Schema.from_json(schema.to_json())
        samples = [
            (
                milliseconds(lambda: enforce_schema(data, schema)),  # noqa: B023  # called at once
                milliseconds(lambda: mlflow.models.utils._enforce_schema(data, theirs)),  # noqa: B023  # as above
            )
            for _ in range(TURNS)
        ]
        ours, peer = (statistics.median(side) for side in zip(*samples[1:], strict=True))
        print(f"{what:45}{ours:10.2f}{peer:10.2f}{peer / ours:8.1f}")


if __name__ == "__main__":
    main()
