"""System metrics of runs on a real server: from the start of a run to its end, and no longer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import tracking_client as tracking
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import wait_until
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.system_metrics import linux_counters

_ALL = {
    "system/cpu_utilization_percentage",
    "system/disk_available_megabytes",
    "system/disk_usage_megabytes",
    "system/disk_usage_percentage",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
}
_MEMORY = "system/system_memory_usage_megabytes"


@pytest.fixture(autouse=True)
def _experiment(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go to an experiment of the test's own."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)


def _steps(client: TrackingClient, run_id: str, name: str = _MEMORY) -> list[int]:
    return [point.step for point in client.get_metric_history(run_id, name)]


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "tracking-system-metrics"]


def _wait_for_samples(client: TrackingClient, run: tracking.ActiveRun, count: int) -> None:
    def there() -> bool:
        run.flush()
        return len(_steps(client, run.info.run_id)) >= count

    wait_until(there, f"{count} samples are on the server")


def test_a_run_that_asks_has_all_that_can_be_measured(client: TrackingClient) -> None:
    tracking.set_system_metrics_sampling_interval(0.05)
    with tracking.start_run(log_system_metrics=True) as run:
        _wait_for_samples(client, run, 3)
        assert _threads()
    assert not _threads()

    found = client.get_run(run.info.run_id).data.metrics
    gpus = {name for name in found if name.startswith("system/gpu_")}
    assert set(found) - gpus == _ALL
    assert all(0 <= value <= 100 for name, value in found.items() if name.endswith("_percentage"))
    steps = _steps(client, run.info.run_id)
    assert steps == list(range(len(steps)))


def test_a_resumed_run_goes_on_at_the_next_step(client: TrackingClient) -> None:
    with tracking.start_run(log_system_metrics=True) as run:
        pass
    with tracking.start_run(run_id=run.info.run_id, log_system_metrics=True):
        pass

    assert _steps(client, run.info.run_id) == [0, 1]


def test_enabled_for_all_a_run_may_go_without() -> None:
    tracking.enable_system_metrics_logging()
    with tracking.start_run() as logged:
        assert len(_threads()) == 1
        with tracking.start_run(nested=True, log_system_metrics=False) as quiet:
            assert len(_threads()) == 1
    tracking.disable_system_metrics_logging()
    with tracking.start_run() as later:
        assert not _threads()

    assert set(tracking.get_run(logged.info.run_id).data.metrics) >= {_MEMORY}
    assert tracking.get_run(quiet.info.run_id).data.metrics == {}
    assert tracking.get_run(later.info.run_id).data.metrics == {}


def test_a_machine_that_cannot_be_read_is_an_error_before_there_is_a_run(
    client: TrackingClient, experiment_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux_counters.LinuxCounters.__init__, "__defaults__", (tmp_path,))
    with pytest.raises(InvalidArgument, match="the system's counters cannot be read"):
        tracking.start_run(log_system_metrics=True)
    assert list(client.find_runs([experiment_id])) == []


def test_where_it_is_only_enabled_the_run_starts_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(linux_counters.LinuxCounters.__init__, "__defaults__", (tmp_path,))
    tracking.enable_system_metrics_logging()
    with tracking.start_run():
        assert not _threads()
    assert "tracking: no system metrics are logged: the system's counters cannot be read" in (
        capsys.readouterr().err
    )


def test_a_forked_child_neither_samples_nor_ends_the_sampling(
    client: TrackingClient, scripts: Scripts, experiment_id: str
) -> None:
    done = scripts.run(
        """
import os, threading, tracking_client as tracking
tracking.set_system_metrics_sampling_interval(0.01)
run = tracking.start_run(log_system_metrics=True)
child = os.fork()
if child == 0:
    names = [thread.name for thread in threading.enumerate()]
    tracking.log_metric("child", len([name for name in names if "system" in name]))
    tracking.flush_async_logging()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert any(thread.name == "tracking-system-metrics" for thread in threading.enumerate())
tracking.end_run()
print(run.info.run_id)
""",
        MLFLOW_EXPERIMENT_ID=experiment_id,
    )
    assert done.returncode == 0, done.stderr
    data = client.get_run(done.stdout.strip()).data
    assert data.metrics["child"] == 0
    assert _MEMORY in data.metrics


def test_a_program_that_is_killed_politely_has_its_last_sample(
    client: TrackingClient, scripts: Scripts, experiment_id: str
) -> None:
    with scripts.start(
        """
import time, tracking_client as tracking
run = tracking.start_run(log_system_metrics=True)
print(run.info.run_id)
time.sleep(60)
""",
        MLFLOW_EXPERIMENT_ID=experiment_id,
    ) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        process.terminate()
        process.communicate(timeout=30)

    found = client.get_run(run_id)
    assert found.info.status == "KILLED"
    assert _MEMORY in found.data.metrics
