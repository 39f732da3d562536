"""Which of the things that one can train on are recorded as data sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from tracking_client import data
from tracking_client.integrations import training_data
from tracking_client.integrations.training_data import dataset_of

ARRAY = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("features", "targets", "same"),
    [
        (ARRAY, None, data.from_numpy(ARRAY)),
        (ARRAY, ARRAY[:, 0], data.from_numpy(ARRAY, targets=ARRAY[:, 0])),
        (ARRAY, pd.Series([1, 2, 3, 4]), data.from_numpy(ARRAY, targets=np.array([1, 2, 3, 4]))),
        ({"a": ARRAY, "b": ARRAY}, None, data.from_numpy({"a": ARRAY, "b": ARRAY})),
        (csr_matrix(ARRAY), None, data.from_numpy(ARRAY)),
        (pd.DataFrame(ARRAY), ARRAY[:, 0], data.from_pandas(pd.DataFrame(ARRAY))),
        (pl.DataFrame({"a": [1]}), None, data.from_polars(pl.DataFrame({"a": [1]}))),
    ],
)
def test_frames_and_arrays_are_what_they_are_by_hand(features: Any, targets: Any, same: Any) -> None:
    found = dataset_of(features, targets)
    assert found is not None
    assert (found.digest, found.schema, found.profile) == (same.digest, same.schema, same.profile)


@pytest.mark.parametrize("features", [None, [[1.0]], iter([1]), "text", {}, {"a": [1]}])
def test_what_has_no_digest_is_no_data_set(features: Any) -> None:
    assert dataset_of(features, ARRAY) is None


def test_a_sparse_matrix_that_would_be_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_data, "_MOST_DENSE_BYTES", 95)
    assert dataset_of(csr_matrix(ARRAY)) is None
