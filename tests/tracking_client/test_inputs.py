"""Data sets as inputs of a run, through the fluent functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import tracking_client as tracking
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.wire.entities import Dataset, DatasetInput


@pytest.fixture(autouse=True)
def _experiment(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go to an experiment of the test's own."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)


class _Foreign:
    """A data set of another library, with the dictionary that MLflow's have."""

    def to_dict(self) -> dict[str, str]:
        return {"name": "foreign", "digest": "1", "source": "{}", "source_type": "local", "profile": "{}"}


def _tags(found: DatasetInput) -> dict[str, str]:
    return {tag.key: tag.value for tag in found.tags}


def test_what_a_run_reads_is_recorded_with_what_for(client: TrackingClient) -> None:
    read = tracking.data.from_pandas(pd.DataFrame({"a": [1]}), source="/x", name="frame")
    with tracking.start_run() as run:
        tracking.log_input(read, context="training", tags={"n": 1, "mlflow.data.context": "overruled"})
        tracking.log_inputs([_Foreign(), None, Dataset("plain", "2", "local", "{}")], [None, "x", "testing"])
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    found = {item.dataset.name: item for item in inputs}
    assert found.keys() == {"frame", "foreign", "plain"}
    assert found["frame"].dataset == read.to_entity()
    assert _tags(found["frame"]) == {"n": "1", "mlflow.data.context": "training"}
    assert _tags(found["foreign"]) == {}
    assert _tags(found["plain"]) == {"mlflow.data.context": "testing"}


@pytest.mark.parametrize("nothing", [pd.DataFrame({"a": [1]}), np.ones(1), "text", {"name": "x"}])
def test_what_is_no_data_set_is_refused(nothing: object) -> None:
    with tracking.start_run(), pytest.raises(InvalidArgument, match="is no data set: make one"):
        tracking.log_input(nothing)


def test_lists_of_different_lengths_are_refused() -> None:
    with tracking.start_run(), pytest.raises(InvalidArgument, match="same length, but got 1 and 2"):
        tracking.log_inputs([_Foreign()], ["a", "b"])
