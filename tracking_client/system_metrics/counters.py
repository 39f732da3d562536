"""What an operating system counts: the raw numbers that the metrics are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorTime:
    """How long all processors together were busy, and how long they have been there, since the start."""

    busy: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is in use and what there is, in bytes. What only speeds up files does not count as used."""

    used_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What all network interfaces received and sent since the start, in bytes."""

    received_bytes: int
    sent_bytes: int


class Counters(Protocol):
    """Reads the counters of a system. Cheap, and callable from any thread; raises OSError or ValueError."""

    def processor_time(self) -> ProcessorTime:
        """Time of all processors."""
        ...

    def memory(self) -> Memory:
        """The main memory."""
        ...

    def traffic(self) -> Traffic:
        """Bytes over the network."""
        ...


__all__ = ["Counters", "Memory", "ProcessorTime", "Traffic"]
