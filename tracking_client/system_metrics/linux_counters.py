"""Linux's counters, read from /proc: nothing has to be installed. Formats: proc(5).

The numbers are those that psutil 7 makes of the same files.
"""

from __future__ import annotations

from pathlib import Path

from tracking_client.system_metrics.counters import Counters, Memory, ProcessorTime, Traffic

_IDLE, _IOWAIT = 3, 4
_STATES = 8
"""user, nice, system, idle, iowait, irq, softirq, steal; guests, which follow, are in `user` already."""
_RECEIVED, _SENT = 0, 8


class LinuxCounters:
    """The counters below `proc`. Raises OSError where it cannot be read, ValueError for unknown formats."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc

    def processor_time(self) -> ProcessorTime:
        """The first line of /proc/stat, in clock ticks."""
        line = self._read("stat").partition("\n")[0].split()
        if len(line) < 5 or line[0] != "cpu":
            raise ValueError(f"{self._proc}/stat does not begin with the time of all processors")
        ticks = [int(field) for field in line[1 : _STATES + 1]]
        return ProcessorTime(busy=sum(ticks) - ticks[_IDLE] - ticks[_IOWAIT], total=sum(ticks))

    def memory(self) -> Memory:
        """MemTotal and MemAvailable of /proc/meminfo, which are in KiB."""
        found: dict[str, int] = {}
        for line in self._read("meminfo").splitlines():
            name, _, amount = line.partition(":")
            if name in ("MemTotal", "MemAvailable"):
                found[name] = int(amount.split()[0]) * 1024
        if len(found) != 2:
            raise ValueError(f"{self._proc}/meminfo does not say what memory is available")
        return Memory(
            used_bytes=max(0, found["MemTotal"] - found["MemAvailable"]), total_bytes=found["MemTotal"]
        )

    def traffic(self) -> Traffic:
        """All interfaces of /proc/net/dev, the loopback included."""
        received = sent = 0
        for line in self._read("net/dev").splitlines()[2:]:
            fields = line.rpartition(":")[2].split()
            received += int(fields[_RECEIVED])
            sent += int(fields[_SENT])
        return Traffic(received_bytes=received, sent_bytes=sent)

    def _read(self, name: str) -> str:
        return (self._proc / name).read_text(encoding="utf-8", errors="replace")


_: type[Counters] = LinuxCounters

__all__ = ["LinuxCounters"]
