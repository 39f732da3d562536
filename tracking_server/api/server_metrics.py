"""`/metrics`: what the server counts, in the text format of Prometheus (version 0.0.4).

The counters are of one process and start at 0 with it. A token is demanded as for everything else: one that
may only read will do.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api.routing import Endpoint, Raw
from tracking_server.errors import Unavailable
from tracking_server.services import Services
from tracking_server.store import size
from tracking_server.traffic import BUCKETS_S, Traffic
from tracking_server.webhooks.delivery import Counts

_PREFIX = "tracking_server"
_STATM = Path("/proc/self/statm")


async def metrics(services: Services, _request: Request) -> Response:
    """Counters of the server in the text format of Prometheus."""
    path = services.settings.sqlite_path
    try:
        database_bytes = await services.database.read(lambda connection: size.size_bytes(connection, path))
    except Unavailable:  # the rest is wanted the more
        database_bytes = None
    lines = [
        *_requests(services.traffic),
        *_store(services, database_bytes),
        *_webhooks(services.webhooks.counts),
        *_process(services.traffic),
    ]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


def _family(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _single(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield from _family(name, kind, text)
    yield f"{name} {value:.17g}"


def _requests(traffic: Traffic) -> Iterator[str]:
    name = f"{_PREFIX}_requests_total"
    yield from _family(name, "counter", "Requests that were answered, by endpoint and status.")
    for (method, endpoint, status), count in sorted(traffic.requests.items()):
        yield f'{name}{{method="{method}",endpoint="{endpoint}",status="{status}"}} {count}'
    name = f"{_PREFIX}_request_duration_seconds"
    yield from _family(name, "histogram", "From the request's head to the end of the reply.")
    for endpoint, latencies in sorted(traffic.latencies.items()):
        below = 0
        for bound, count in zip((*BUCKETS_S, "+Inf"), latencies.counts, strict=True):
            below += count
            yield f'{name}_bucket{{endpoint="{endpoint}",le="{bound}"}} {below}'
        yield f'{name}_sum{{endpoint="{endpoint}"}} {latencies.sum_s:.6f}'
        yield f'{name}_count{{endpoint="{endpoint}"}} {below}'
    text = "Requests that are being answered, this one included."
    yield from _single(f"{_PREFIX}_requests_in_flight", "gauge", text, traffic.in_flight)
    yield from _single(f"{_PREFIX}_connections", "gauge", "Clients that are connected.", traffic.connections)
    text = "Clients that found no room."
    yield from _single(f"{_PREFIX}_connections_refused_total", "counter", text, traffic.refused)
    name = f"{_PREFIX}_connections_cut_off_total"
    text = "Clients that were too slow with a head, a body or a reply, or had to make room."
    yield from _family(name, "counter", text)
    for why, count in sorted(traffic.cut_off.items()):
        yield f'{name}{{why="{why}"}} {count}'


def _store(services: Services, database_bytes: int | None) -> Iterator[str]:
    database = services.database
    yield from _single(f"{_PREFIX}_commits_total", "counter", "Transactions on disk.", database.commits)
    yield from _single(f"{_PREFIX}_writes_total", "counter", "Units of work in those.", database.writes)
    text = "Units of work that wait for their turn."
    yield from _single(f"{_PREFIX}_waiting_writes", "gauge", text, database.waiting_writes)
    if database_bytes is not None:
        text = "Size of the database on its disk."
        yield from _single(f"{_PREFIX}_database_size_bytes", "gauge", text, database_bytes)


def _webhooks(counts: Counts) -> Iterator[str]:
    name = f"{_PREFIX}_webhook_deliveries_total"
    yield from _family(name, "counter", "Deliveries that were taken, and that were given up.")
    yield f'{name}{{result="delivered"}} {counts.delivered}'
    yield f'{name}{{result="given_up"}} {counts.given_up}'
    text = "Attempts that failed, the last ones of what was given up included."
    yield from _single(f"{_PREFIX}_webhook_failed_attempts_total", "counter", text, counts.failed_attempts)


def _process(traffic: Traffic) -> Iterator[str]:
    text = "When the process started, in seconds since the epoch."
    yield from _single("process_start_time_seconds", "gauge", text, traffic.started_at)
    text = "For how long it has been running."
    yield from _single(f"{_PREFIX}_uptime_seconds", "gauge", text, time.time() - traffic.started_at)
    yield from _single("process_resident_memory_bytes", "gauge", "Memory in use.", _resident_bytes())
    used = resource.getrusage(resource.RUSAGE_SELF)
    text = "Processor time spent."
    yield from _single("process_cpu_seconds_total", "counter", text, used.ru_utime + used.ru_stime)


def _resident_bytes() -> int:
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # no Linux: the most there ever was
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


ENDPOINTS: list[Endpoint] = [Raw(method="GET", path="/metrics", handle=metrics, prefixes=("",))]
