"""Data sets: named, digested and described as MLflow's own `mlflow.data` does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking_client.mlflow_datasets import described
from tracking_client import data
from tracking_client.errors import InvalidArgument
from tracking_client.wire import names

_COLUMNS = [
    {"type": "long", "name": "a", "required": True},
    {"type": "string", "name": "b", "required": False},
]


@pytest.fixture(scope="module")
def by_mlflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What MLflow's own module makes of the data sets."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking_client.mlflow_datasets"],
        cwd=request.config.rootpath,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    # Of a Polars frame without a schema MLflow records the text "null", of any other nothing.
    return {
        name: {field: None if value == "null" else value for field, value in fields.items()}
        for name, fields in told.items()
    }


def test_every_field_of_every_data_set_is_mlflows(by_mlflow: dict[str, Any]) -> None:
    address = data.HTTPDatasetSource("https://host/file.csv")
    meta = {
        "plain": data.MetaDataset(address),
        "named": data.MetaDataset(address, name="n", schema=_COLUMNS),
        "known": data.MetaDataset(address, name="n", digest="abc"),
    }
    ours = described(data) | {f"meta: {name}": item.to_dict() for name, item in meta.items()}
    assert ours.keys() == by_mlflow.keys()
    different = {name: (ours[name], by_mlflow[name]) for name in ours if ours[name] != by_mlflow[name]}
    assert different == {}


def test_a_data_set_without_a_source_comes_from_the_program() -> None:
    source = data.from_pandas(pd.DataFrame({"a": [1]})).source
    assert source.source_type == "code"
    assert source.to_dict()["tags"][names.SOURCE_TYPE] == "LOCAL"


def test_a_path_object_is_a_local_source() -> None:
    source = data.from_numpy(np.ones(1), source=Path("a b") / "c").source
    assert (source.source_type, source.to_dict()) == ("local", {"uri": "a b/c"})


@pytest.mark.parametrize("source", ["foo://x", "runs:/a/b", 5])
def test_a_source_of_an_unknown_kind_is_refused(source: Any) -> None:
    with pytest.raises(InvalidArgument, match="Could not find a source"):
        data.from_pandas(pd.DataFrame({"a": [1]}), source=source)


@pytest.mark.parametrize("what", ["targets", "predictions"])
def test_a_column_that_is_not_there_is_refused(what: str) -> None:
    options: dict[str, Any] = {what: "zz"}
    with pytest.raises(InvalidArgument, match=f"specified {what} column 'zz'"):
        data.from_pandas(pd.DataFrame({"a": [1]}), **options)


@pytest.mark.parametrize("what", ["targets", "predictions"])
def test_a_column_that_is_not_in_a_polars_frame_is_refused(what: str) -> None:
    options: dict[str, Any] = {what: "zz"}
    with pytest.raises(InvalidArgument, match=f"specified {what} column: 'zz'"):
        data.from_polars(pl.DataFrame({"a": [1]}), **options)


@pytest.mark.parametrize("nothing", [{}, [1], "text", {"a": [1]}])
def test_what_is_no_array_is_refused(nothing: Any) -> None:
    with pytest.raises(InvalidArgument, match="must be a numpy array"):
        data.from_numpy(nothing)
    with pytest.raises(InvalidArgument, match="pandas DataFrame is needed"):
        data.from_pandas(nothing)
    with pytest.raises(InvalidArgument, match="Polars DataFrame is needed"):
        data.from_polars(nothing)


def test_the_entity_has_what_the_dictionary_tells() -> None:
    dataset = data.from_pandas(pd.DataFrame({"a": [1]}), source="/x", name="n")
    assert dataset.to_entity().to_dictionary() == dataset.to_dict()
    assert json.loads(dataset.to_json()) == dataset.to_dict()


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1), st.integers(-(2**31), 2**31 - 1))
def test_other_numbers_have_another_digest(values: list[int], other: int) -> None:
    def digest(numbers: list[int]) -> str:
        return data.from_numpy(np.array(numbers, "int64"), source="/x").digest

    changed = [other, *values[1:]]
    assert (digest(values) == digest(changed)) == (values == changed)
    assert digest(values) == digest(list(values))
