"""Values of the wire: JSON there and back, in every spelling that servers use."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_client.wire.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    FileInfo,
    InputTag,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelParameter,
    LoggedModelStatus,
    Metric,
    ModelVersion,
    PagedList,
    Param,
    RegisteredModel,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
    RunTag,
    ViewType,
)
from tracking_client.wire.paging import every_item

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


def test_pairs_of_two_kinds_are_never_equal_and_none_can_be_changed() -> None:
    param, tag = Param("k", "v"), RunTag("k", "v")
    assert param == Param("k", "v")
    assert len({param, Param("k", "v"), tag}) == 2
    assert repr(param) == "Param(key='k', value='v')"
    assert pickle.loads(pickle.dumps(param)) == copy.deepcopy(param) == dataclasses.replace(param) == param
    assert type(dataclasses.replace(tag, value="w")) is RunTag
    for name in ("key", "value"):
        with pytest.raises(AttributeError):
            setattr(param, name, "w")


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


@given(st.from_regex(r"m-[0-9a-f]{32}", fullmatch=True), _INT64)
def test_models_that_a_run_used_and_made_survive_the_wire(model_id: str, step: int) -> None:
    used, made = LoggedModelInput(model_id), LoggedModelOutput(model_id, step)
    assert LoggedModelInput.from_wire(json.loads(json.dumps(used.to_wire()))) == used
    assert LoggedModelOutput.from_wire(json.loads(json.dumps(made.to_wire()))) == made


@pytest.mark.parametrize("status", list(LoggedModelStatus))
def test_states_of_a_logged_model_are_spelt_as_the_wire_has_them(status: LoggedModelStatus) -> None:
    assert LoggedModelStatus.from_wire(status.to_wire()) is status
    assert (status, str(status)) == (status.value, status.value)
    assert LoggedModelStatus.from_wire("a state of the future") is LoggedModelStatus.UNSPECIFIED


def test_values_are_made_with_mlflow_s_positions() -> None:
    info = RunInfo("r", "1", "me", "RUNNING", 1, None, "active", "file:/a", "name")
    run = Run(info, RunData({}, {}, {}), RunInputs(), RunOutputs((LoggedModelOutput("m-1", 2),)))
    assert run.to_dictionary()["info"] == {
        "artifact_uri": "file:/a",
        "end_time": None,
        "experiment_id": "1",
        "lifecycle_stage": "active",
        "run_id": "r",
        "run_name": "name",
        "start_time": 1,
        "status": "RUNNING",
        "user_id": "me",
    }
    model = LoggedModel("1", "m-1", "n", "file:/a", 1, 2)
    assert (model.status, model.model_uri) == (LoggedModelStatus.READY, "models:/m-1")
    version = ModelVersion("n", "3", 1, aliases=("a",), params=(LoggedModelParameter("p", "1"),))
    assert version.to_dictionary() | {"aliases": ["a"], "params": {"p": "1"}} == version.to_dictionary()
    registered = RegisteredModel("n", 1, 2, "d", (version,), {"t": "1"}, {"a": "3"})
    assert registered.to_dictionary()["latest_versions"] == [version.to_dictionary()]


def test_a_version_s_whole_numbers_may_come_as_strings() -> None:
    wire = {
        "name": "n",
        "version": 3,
        "creation_timestamp": "12",
        "model_params": [{"key": "p", "value": "1"}],
        "model_metrics": [{"key": "m", "value": "NaN"}],
    }
    version = ModelVersion.from_wire(wire)
    assert (version.version, version.creation_timestamp, version.last_updated_timestamp) == ("3", 12, None)
    assert version.params == (LoggedModelParameter("p", "1"),)
    assert version.metrics is not None
    assert math.isnan(version.metrics[0].value)


def test_all_pages_are_one_walk_and_no_page_more_than_is_wanted_is_fetched() -> None:
    fetched: list[tuple[int, str | None]] = []

    def page_at(size: int, token: str | None) -> PagedList[int]:
        fetched.append((size, token))
        start = int(token or 0)
        return PagedList(range(start, start + size), str(start + size) if start + size < 7 else None)

    assert list(every_item(page_at, 3)) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    fetched.clear()
    assert list(every_item(page_at, 3, max_results=5)) == [0, 1, 2, 3, 4]
    assert fetched == [(3, None), (2, "3")]
    assert list(every_item(page_at, 3, max_results=0)) == []


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
