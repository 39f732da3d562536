"""What a model is trained on, as a data set to record."""

from __future__ import annotations

from typing import Any

from tracking_client import data
from tracking_client.data.dataset import Dataset
from tracking_client.run import ActiveRun
from tracking_client.wire import names
from tracking_client.wire.entities import DatasetInput, InputTag

TRAIN, EVAL = "train", "eval"

_MOST_DENSE_BYTES = 64 << 20


def dataset_of(features: Any, targets: Any = None) -> Dataset | None:
    """The data set of data frames and arrays; None for what has no digest, such as lists and generators.

    A sparse matrix is recorded as the array it stands for, unless that would take more than 64 MiB.
    """
    kind = type(features).__module__.partition(".")[0]
    if kind == "pandas" and hasattr(features, "select_dtypes"):
        return data.from_pandas(features)
    if kind == "polars" and hasattr(features, "columns"):
        return data.from_polars(features)
    arrays = _arrays(features)
    return None if arrays is None else data.from_numpy(arrays, targets=_arrays(targets))


def log_dataset(run: ActiveRun, dataset: Dataset, context: str) -> None:
    """Records that the run read `dataset`, for `context`."""
    run.log_inputs([DatasetInput(dataset.to_entity(), [InputTag(names.DATASET_CONTEXT, context)])])


def _arrays(values: Any) -> Any:
    """One array, or several by name; None for what is neither."""
    if isinstance(values, dict):
        arrays = {str(name): _arrays(value) for name, value in values.items()}
        return arrays if arrays and all(hasattr(value, "dtype") for value in arrays.values()) else None
    if values is None or not hasattr(values, "shape") or not hasattr(values, "dtype"):
        return None
    import numpy as np

    if hasattr(values, "toarray"):
        size_bytes = int(np.prod(values.shape)) * values.dtype.itemsize
        return values.toarray() if size_bytes <= _MOST_DENSE_BYTES else None
    return np.asarray(values)


__all__ = ["EVAL", "TRAIN", "dataset_of", "log_dataset"]
