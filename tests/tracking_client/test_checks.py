"""Values are checked before they are sent, and batches stay within the wire's limits."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_client import checks
from tracking_client.errors import InvalidArgument
from tracking_client.runs import _batches
from tracking_client.wire import limits
from tracking_client.wire.entities import Metric, Param, RunTag


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (True, 1.0),
        (Fraction(1, 4), 0.25),
        ("0.5", 0.5),
        (10**400, math.inf),
        (-(10**400), -math.inf),
    ],
)
def test_numbers_of_any_kind_are_metrics(value: Any, expected: float) -> None:
    assert checks.metric("m", value, None, None).value == expected


@pytest.mark.parametrize("value", [None, "high", [1, 2], object()])
def test_what_is_no_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="for metric 'm'"):
        checks.metric("m", value, None, None)


@pytest.mark.parametrize("step", ["x", 2**63, math.nan, math.inf])
def test_a_step_is_a_64_bit_number(step: Any) -> None:
    with pytest.raises(InvalidArgument, match="step"):
        checks.metric("m", 1, None, step)


@pytest.mark.parametrize("key", ["", "a\nb", "../up", "/root", "a//b", ".", "x" * 251, "tilde~"])
def test_keys_that_the_server_refuses_are_refused_here(key: str) -> None:
    for check in (
        lambda: checks.param(key, 1),
        lambda: checks.tag(key, 1),
        lambda: checks.metric(key, 1, 0, 0),
    ):
        with pytest.raises(InvalidArgument):
            check()


def test_one_parameter_with_two_values_in_one_batch_is_refused() -> None:
    checks.distinct_params([Param("a", "1"), Param("a", "1")])
    with pytest.raises(InvalidArgument, match="Duplicate parameter keys"):
        checks.distinct_params([Param("a", "1"), Param("a", "2")])


@given(st.text())
def test_an_artifact_path_never_leads_outside(path: str) -> None:
    try:
        checked = checks.artifact_path(path)
    except InvalidArgument:
        return
    assert not checked.startswith("/")
    assert ".." not in checked.split("/")
    assert checks.artifact_path(checked) == checked


@pytest.mark.parametrize("path", ["..", "../a", "a/../../b", "/etc/passwd", "a\\..\\b", "a\0b"])
def test_paths_that_lead_outside_are_refused(path: str) -> None:
    with pytest.raises(InvalidArgument):
        checks.artifact_path(path)


@given(
    st.integers(min_value=0, max_value=3500),
    st.integers(min_value=0, max_value=350),
    st.integers(min_value=0, max_value=350),
)
def test_batches_hold_everything_in_order_and_stay_within_the_limits(
    metric_count: int, param_count: int, tag_count: int
) -> None:
    metrics = [Metric("m", float(index), 0, index) for index in range(metric_count)]
    params = [Param(f"p{index}", "") for index in range(param_count)]
    tags = [RunTag(f"t{index}", "") for index in range(tag_count)]
    sent = list(_batches(metrics, params, tags))
    for batch in sent:
        assert batch
        assert len(batch.get("metrics", ())) <= limits.MAX_METRICS_PER_BATCH
        assert len(batch.get("params", ())) <= limits.MAX_PARAMS_PER_BATCH
        assert len(batch.get("tags", ())) <= limits.MAX_TAGS_PER_BATCH
        assert sum(map(len, batch.values())) <= limits.MAX_ENTITIES_PER_BATCH
    for name, items in (("metrics", metrics), ("params", params), ("tags", tags)):
        assert [item for batch in sent for item in batch.get(name, ())] == [item.to_wire() for item in items]
