"""How system metrics are asked for: functions and variables."""

from __future__ import annotations

from typing import Any

import pytest

import tracking_client as tracking
from tracking_client.errors import InvalidArgument
from tracking_client.system_metrics import settings
from tracking_client.system_metrics.settings import SystemMetricsSettings


def test_the_functions_set_what_programs_started_from_here_read(monkeypatch: pytest.MonkeyPatch) -> None:
    tracking.enable_system_metrics_logging()
    tracking.set_system_metrics_sampling_interval(2.5)
    tracking.set_system_metrics_samples_before_logging(3)
    tracking.set_system_metrics_node_id("a/b")

    assert settings.is_enabled()
    found = SystemMetricsSettings.from_environ()
    assert found == SystemMetricsSettings(interval_s=2.5, samples_before_logging=3, node_id="a/b")
    assert found.prefix == "system/a/b/"

    tracking.disable_system_metrics_logging()
    tracking.set_system_metrics_sampling_interval(None)
    tracking.set_system_metrics_samples_before_logging(None)
    tracking.set_system_metrics_node_id(None)

    assert not settings.is_enabled()
    assert SystemMetricsSettings.from_environ() == SystemMetricsSettings()


@pytest.mark.parametrize("value", [0, -1, "x", float("nan"), float("inf"), "", []])
def test_an_interval_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="is no interval: give seconds"):
        tracking.set_system_metrics_sampling_interval(value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "x", float("nan"), []])
def test_a_number_of_samples_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="is no number of samples: give a whole number"):
        tracking.set_system_metrics_samples_before_logging(value)


@pytest.mark.parametrize("value", ["..", "a//b", "x" * 300, "semi;colon"])
def test_a_node_that_could_be_no_part_of_a_name_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot name a node"):
        tracking.set_system_metrics_node_id(value)


@pytest.mark.parametrize("name", [settings.INTERVAL, settings.SAMPLES])
def test_a_variable_that_cannot_be_used_is_named(name: str) -> None:
    with pytest.raises(InvalidArgument, match=name):
        SystemMetricsSettings.from_environ({name: "often"})
