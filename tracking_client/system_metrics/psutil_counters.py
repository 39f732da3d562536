"""The counters of other systems, by psutil: the extra `system-metrics`."""

from __future__ import annotations

from tracking_client.errors import InvalidArgument
from tracking_client.system_metrics.counters import Counters, Memory, ProcessorTime, Traffic

_NOT_BUSY = ("idle", "iowait")
_COUNTED_TWICE = ("guest", "guest_nice")


class PsutilCounters:
    """What psutil reads. Raises InvalidArgument where it is not installed."""

    def __init__(self) -> None:
        try:
            import psutil
        except ImportError:
            raise InvalidArgument(
                "system metrics need psutil on this system: pip install 'runner[system-metrics]', "
                "or start the run without log_system_metrics"
            ) from None
        self._psutil = psutil

    def processor_time(self) -> ProcessorTime:
        """Seconds."""
        times = self._psutil.cpu_times()._asdict()
        total = sum(seconds for state, seconds in times.items() if state not in _COUNTED_TWICE)
        return ProcessorTime(busy=total - sum(times.get(state, 0.0) for state in _NOT_BUSY), total=total)

    def memory(self) -> Memory:
        """What psutil calls used."""
        memory = self._psutil.virtual_memory()
        return Memory(used_bytes=memory.used, total_bytes=memory.total)

    def traffic(self) -> Traffic:
        """All interfaces; none where the system has none."""
        counted = self._psutil.net_io_counters()
        if counted is None:
            return Traffic(received_bytes=0, sent_bytes=0)
        return Traffic(received_bytes=counted.bytes_recv, sent_bytes=counted.bytes_sent)


_: type[Counters] = PsutilCounters

__all__ = ["PsutilCounters"]
