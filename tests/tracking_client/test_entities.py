"""Values of the wire: JSON there and back, in every spelling that servers use."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_client.wire.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    FileInfo,
    InputTag,
    Metric,
    PagedList,
    Run,
    RunStatus,
    ViewType,
)

_INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@given(st.text(), st.floats(), st.integers(min_value=0, max_value=2**63 - 1), _INT64)
def test_a_metric_survives_the_wire(key: str, value: float, timestamp: int, step: int) -> None:
    metric = Metric(key, value, timestamp, step)
    again = Metric.from_wire(json.loads(json.dumps(metric.to_wire(), allow_nan=False)))
    assert dataclasses.replace(again, value=0.0) == dataclasses.replace(metric, value=0.0)
    assert again.value == value or (math.isnan(again.value) and math.isnan(value))


@given(st.text(), st.text(), st.text(), st.none() | st.text(), st.dictionaries(st.text(), st.text()))
def test_a_data_set_survives_the_wire(
    name: str, digest: str, source: str, schema: str | None, tags: dict[str, str]
) -> None:
    dataset = Dataset(name=name, digest=digest, source_type="local", source=source, schema=schema)
    given_input = DatasetInput(
        dataset=dataset, tags=tuple(InputTag(key, value) for key, value in tags.items())
    )
    assert DatasetInput.from_wire(json.loads(json.dumps(given_input.to_wire()))) == given_input


def test_whole_numbers_may_come_as_strings_and_unset_fields_not_at_all() -> None:
    run = Run.from_wire(
        {
            "info": {"run_uuid": "r", "experiment_id": "1", "start_time": "12", "status": "FAILED"},
            "data": {"metrics": [{"key": "m", "value": "NaN", "timestamp": "1", "step": "2"}]},
        }
    )
    assert (run.info.run_id, run.info.run_uuid, run.info.start_time, run.info.end_time) == (
        "r",
        "r",
        12,
        None,
    )
    assert math.isnan(run.data.metrics["m"])
    assert run.data.params == {}
    assert run.to_dictionary()["info"]["status"] == "FAILED"


def test_tags_of_an_experiment_are_a_dict() -> None:
    wire = {"experiment_id": 0, "name": "Default", "tags": [{"key": "a", "value": "b"}, {"key": "c"}]}
    experiment = Experiment.from_wire(wire)
    assert (experiment.experiment_id, experiment.tags) == ("0", {"a": "b", "c": ""})


def test_values_cannot_be_changed() -> None:
    file = FileInfo("a", is_dir=False, file_size=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        file.path = "b"  # type: ignore[misc]  # that it is an error is the point


def test_a_page_keeps_its_token_when_it_is_cut() -> None:
    page = PagedList([1, 2, 3], "next")
    assert (page[:2], page[:2].token, page[0]) == ([1, 2], "next", 1)


def test_states_and_views_are_spelt_as_the_wire_has_them() -> None:
    assert [status for status in RunStatus.ALL if RunStatus.is_terminated(status)] == [
        "FINISHED",
        "FAILED",
        "KILLED",
    ]
    assert ViewType.to_string(ViewType.DELETED_ONLY) == "DELETED_ONLY"
