"""What is read of the machine: from /proc as it is and as it may be, and by psutil."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_client.errors import InvalidArgument
from tracking_client.system_metrics.counters import Counters, Memory, ProcessorTime, Traffic
from tracking_client.system_metrics.linux_counters import LinuxCounters
from tracking_client.system_metrics.psutil_counters import PsutilCounters
from tracking_client.system_metrics.samplers import MachineSampler, sampler_of_this_machine

_STAT = "cpu  100 10 40 800 50 0 5 5 30 0\ncpu0 100 10 40 800 50 0 5 5 30 0\nintr 1\n"
_MEMINFO = "MemTotal:        1000 kB\nMemFree:  100 kB\nMemAvailable:     400 kB\nHugePages_Total:       0\n"
_DEV = (
    "Inter-|   Receive                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
    "    lo: 1000 2 0 0 0 0 0 0 1000 2 0 0 0 0 0 0\n"
    "  eth0:5000000 9 0 0 0 0 0 0 3000000 7 0 0 0 0 0 0\n"
)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with numbers that one can compute with."""
    (tmp_path / "net").mkdir()
    (tmp_path / "stat").write_text(_STAT)
    (tmp_path / "meminfo").write_text(_MEMINFO)
    (tmp_path / "net/dev").write_text(_DEV)
    return tmp_path


def test_idle_and_waiting_for_disks_is_not_busy_and_guests_are_counted_once(proc: Path) -> None:
    assert LinuxCounters(proc).processor_time() == ProcessorTime(busy=160, total=1010)


def test_memory_that_is_available_is_not_used(proc: Path) -> None:
    assert LinuxCounters(proc).memory() == Memory(used_bytes=600 * 1024, total_bytes=1000 * 1024)


def test_all_interfaces_count(proc: Path) -> None:
    assert LinuxCounters(proc).traffic() == Traffic(received_bytes=5_001_000, sent_bytes=3_001_000)


@pytest.mark.parametrize(("file", "text"), [("stat", "processor 1\n"), ("meminfo", "MemTotal: 1 kB\n")])
def test_an_unknown_format_is_an_error_of_that_counter_alone(proc: Path, file: str, text: str) -> None:
    sampler = MachineSampler(LinuxCounters(proc))
    (proc / file).write_text(text)

    found = sampler.sample()

    assert "disk_usage_percentage" in found
    assert "network_receive_megabytes" in found
    assert len(found) < 8


@given(
    earlier=st.lists(st.integers(0, 10**9), min_size=8, max_size=10),
    more=st.lists(st.integers(0, 10**6), min_size=8, max_size=10),
)
def test_use_of_processors_is_always_a_percentage(
    tmp_path_factory: pytest.TempPathFactory, earlier: list[int], more: list[int]
) -> None:
    proc = tmp_path_factory.mktemp("proc")
    (proc / "net").mkdir()
    (proc / "net/dev").write_text(_DEV)
    (proc / "meminfo").write_text(_MEMINFO)

    def write(ticks: list[int]) -> None:
        (proc / "stat").write_text(f"cpu  {' '.join(map(str, ticks))}\n")

    write(earlier)
    sampler = MachineSampler(LinuxCounters(proc))
    write([a + b for a, b in zip(earlier, more, strict=False)])
    use = sampler.sample().get("cpu_utilization_percentage")

    passed = sum(more[: min(8, len(earlier))])
    assert (use is None) == (passed == 0)
    assert use is None or 0 <= use <= 100


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_proc_and_psutil_say_the_same_of_this_machine() -> None:
    mine, theirs = LinuxCounters(), PsutilCounters()

    assert mine.memory().total_bytes == theirs.memory().total_bytes
    # They were read one after the other.
    assert abs(mine.memory().used_bytes - theirs.memory().used_bytes) < 0.05 * mine.memory().total_bytes
    ticks, seconds = mine.processor_time(), theirs.processor_time()
    assert abs(ticks.busy / ticks.total - seconds.busy / seconds.total) < 0.01
    disk, found = psutil.disk_usage("/"), sampler_of_this_machine().sample()
    assert abs(found["disk_usage_percentage"] - disk.percent) < 0.5


def test_without_psutil_another_system_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(InvalidArgument, match=r"pip install 'runner\[system-metrics\]'"):
        sampler_of_this_machine()


def test_without_psutil_linux_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)

    assert "system_memory_usage_percentage" in sampler_of_this_machine().sample()


class _Still:
    """A machine on which nothing happens."""

    def processor_time(self) -> ProcessorTime:
        return ProcessorTime(busy=1, total=2)

    def memory(self) -> Memory:
        return Memory(used_bytes=25, total_bytes=100)

    def traffic(self) -> Traffic:
        return Traffic(received_bytes=7, sent_bytes=7)


def test_sooner_than_a_clock_tick_nothing_is_said_of_processors() -> None:
    counters: Counters = _Still()

    found = MachineSampler(counters).sample()

    assert "cpu_utilization_percentage" not in found
    assert found["system_memory_usage_percentage"] == 25
    assert found["network_receive_megabytes"] == 0
