"""The thread that samples, without a clock: it is told to go on step by step, or told to stop."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from tracking_client.errors import InvalidArgument
from tracking_client.system_metrics.monitor import SystemMonitor, summary
from tracking_client.system_metrics.settings import SystemMetricsSettings


class _Numbers:
    """Samples 1, 2, 3, …; after `enough` it says so and goes on."""

    def __init__(self, enough: int = 1) -> None:
        self.taken = 0
        self.has_enough = threading.Event()
        self._enough = enough

    def sample(self) -> dict[str, float]:
        self.taken += 1
        if self.taken >= self._enough:
            self.has_enough.set()
        return {"cpu_utilization_percentage": float(self.taken), "network_receive_megabytes": self.taken / 7}


class _Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, dict[str, float]]] = []

    def __call__(self, metrics: Mapping[str, float], step: int) -> None:
        self.logged.append((step, dict(metrics)))


_SOON = SystemMetricsSettings(interval_s=0.01)
_NEVER = SystemMetricsSettings(interval_s=3600)


def test_every_sample_is_a_step() -> None:
    numbers, log = _Numbers(enough=4), _Log()
    monitor = SystemMonitor(numbers, log, _SOON, first_step=5)
    monitor.start()
    assert numbers.has_enough.wait(10)
    monitor.stop()

    assert [step for step, _ in log.logged] == list(range(5, 5 + numbers.taken))
    assert [metrics["system/cpu_utilization_percentage"] for _, metrics in log.logged] == list(
        range(1, numbers.taken + 1)
    )


def test_several_samples_are_logged_as_one_and_the_rest_when_it_stops() -> None:
    numbers, log = _Numbers(enough=7), _Log()
    settings = SystemMetricsSettings(interval_s=0.01, samples_before_logging=3, node_id="left")
    monitor = SystemMonitor(numbers, log, settings)
    monitor.start()
    assert numbers.has_enough.wait(10)
    monitor.stop()

    assert [step for step, _ in log.logged] == list(range(len(log.logged)))
    assert log.logged[0][1] == {
        "system/left/cpu_utilization_percentage": 2.0,
        "system/left/network_receive_megabytes": 3 / 7,
    }
    assert len(log.logged) == -(-numbers.taken // 3)


def test_a_run_that_is_shorter_than_the_interval_has_one_sample() -> None:
    numbers, log = _Numbers(), _Log()
    monitor = SystemMonitor(numbers, log, _NEVER)
    monitor.start()
    monitor.stop()
    monitor.stop()

    assert [step for step, _ in log.logged] == [0]
    assert numbers.taken == 1


def test_what_cannot_be_logged_ends_the_sampling_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_metrics: Mapping[str, float], _step: int) -> None:
        raise InvalidArgument("no such name")

    monitor = SystemMonitor(_Numbers(), refuse, _NEVER)
    monitor.start()
    monitor.stop()

    assert "tracking: system metrics are not logged any longer: no such name" in capsys.readouterr().err


def test_what_only_some_samples_have_is_the_mean_of_those() -> None:
    assert summary([{"a": 1.04}, {"a": 2.0, "b": 5.0}]) == {"a": 1.5, "b": 5.0}
