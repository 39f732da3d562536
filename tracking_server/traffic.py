"""What one process counts of its work, for `/metrics`. Used on the event loop only."""

from __future__ import annotations

import bisect
import time
from collections import Counter
from dataclasses import dataclass, field

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram."""


@dataclass(slots=True)
class Latencies:
    """How long the requests of one endpoint took. `counts` has one place more than there are bounds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0


@dataclass(slots=True)
class Traffic:
    """Counters since the process started.

    `requests` by (method, endpoint, status): the endpoint is its path in the table, never a path that a
    client made up, so that the number of counters is bounded. `refused` and `cut_off` count connections.
    """

    started_at: float = field(default_factory=time.time)
    in_flight: int = 0
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    latencies: dict[str, Latencies] = field(default_factory=dict)
    connections: int = 0
    refused: int = 0
    cut_off: Counter[str] = field(default_factory=Counter)

    def answered(self, method: str, endpoint: str, status: int, took_s: float) -> None:
        """One request was answered or given up."""
        self.requests[method, endpoint, status] += 1
        latencies = self.latencies.get(endpoint)
        if latencies is None:
            latencies = self.latencies[endpoint] = Latencies()
        latencies.counts[bisect.bisect_left(BUCKETS_S, took_s)] += 1
        latencies.sum_s += took_s
