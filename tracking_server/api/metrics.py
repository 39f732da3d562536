"""Endpoints of metric histories."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import StreamingResponse

from tracking_server.api import codec
from tracking_server.api.codec import Int64, required
from tracking_server.api.fields import run_id_of
from tracking_server.api.routing import AJAX_V2, Endpoint, Rpc
from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.services import Services
from tracking_server.store import metrics, runs
from tracking_server.store.metrics import Cursor
from tracking_server.store.searching import page_token

MAX_RUNS = 100
MAX_POINTS = 25_000
MAX_PAGE = 100_000
"""Points of a history in one reply to a client that asks for pages; the rest follows by token."""
CHUNK = 10_000
MAX_SAMPLE = 2500
DEFAULT_SAMPLE = 320
_SEE = " See the API docs for more information about request parameters."


class History(msgspec.Struct):
    """metrics/get-history"""

    run_id: str | None = None
    run_uuid: str | None = None
    metric_key: str | None = None
    page_token: str = ""
    max_results: Int64 | None = None


class BulkHistory(msgspec.Struct):
    """metrics/get-history-bulk"""

    run_id: list[str] = []
    metric_key: str | None = None
    max_results: Int64 = MAX_POINTS


class Sampled(msgspec.Struct):
    """metrics/get-history-bulk-interval"""

    run_ids: list[str] = []
    metric_key: str | None = None
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: Int64 = DEFAULT_SAMPLE


async def history(services: Services, request: History) -> object:
    """The points of one metric of one run, in pages where asked."""
    run_id = run_id_of(request)
    key = str(required(request.metric_key, "metric_key"))
    limit = request.max_results
    if limit is not None and limit <= 0:
        raise InvalidParameter(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer."
        )
    after = _cursor(request.page_token, run_id, key)
    most = CHUNK if limit is None else min(limit, MAX_PAGE)
    page = await services.database.read(lambda connection: _history(connection, run_id, key, most, after))
    if limit is None and page.next is not None:
        return StreamingResponse(_all_of(services, run_id, key, page), media_type="application/json")
    reply: dict[str, object] = {}
    if page.points:
        reply["metrics"] = page.points
    if page.next is not None:
        reply["next_page_token"] = page_token.write(page.next, about=(run_id, key))
    return reply


async def _all_of(
    services: Services, run_id: str, key: str, first: metrics.HistoryPage
) -> AsyncIterator[bytes]:
    """The reply to a client that knows no pages, a part at a time: a history may be longer than memory."""
    yield b'{"metrics":' + codec.encode(first.points)[:-1]
    after = first.next
    while after is not None:
        cursor = after
        page = await services.database.read(
            lambda connection: _history(connection, run_id, key, CHUNK, cursor)  # noqa: B023  # called at once
        )
        if page.points:
            yield b"," + codec.encode(page.points)[1:-1]
        after = page.next
    yield b"]}"


def _history(
    connection: Connection, run_id: str, key: str, limit: int, after: Cursor | None
) -> metrics.HistoryPage:
    for run, _ in _found(connection, [run_id]):
        return metrics.history(connection, run, key, limit=limit, after=after)
    return metrics.HistoryPage(points=(), next=None)


def _cursor(token: str, run_id: str, key: str) -> Cursor | None:
    if not token:
        return None
    match page_token.read(token, about=(run_id, key)):
        case [timestamp_ms, step, value, bool(is_nan)] if (
            page_token.is_int64(timestamp_ms)
            and page_token.is_int64(step)
            and (isinstance(value, float) or page_token.is_int64(value))
        ):
            return timestamp_ms, step, float(value), is_nan
    raise InvalidParameter("Invalid page token")


def _found(connection: Connection, run_ids: list[str]) -> list[tuple[int, str]]:
    """Those of the runs that exist: like MLflow, a run that does not has no points, and that is no error."""
    found: list[tuple[int, str]] = []
    for run_id in dict.fromkeys(run_ids):
        with contextlib.suppress(NotFound):
            found.append((runs.find(connection, run_id).id, run_id))
    return found


async def bulk_history(services: Services, request: BulkHistory) -> object:
    """The points of one metric of several runs, run after run, up to a limit in all."""
    run_ids = request.run_id
    if not run_ids:
        raise InvalidParameter("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_ids) > MAX_RUNS:
        raise InvalidParameter(
            f"GetMetricHistoryBulk request cannot specify more than {MAX_RUNS} run_ids. Received "
            f"{len(run_ids)} run_ids."
        )
    key = request.metric_key
    if not key:
        raise InvalidParameter("GetMetricHistoryBulk request must specify a metric_key.")
    limit = max(0, min(request.max_results, MAX_POINTS))
    return {
        "metrics": await services.database.read(
            lambda connection: list(
                metrics.bulk_history(connection, _found(connection, run_ids), key, limit=limit)
            )
        )
    }


async def sampled(services: Services, request: Sampled) -> object:
    """One metric of several runs, thinned evenly for a chart."""
    run_ids = request.run_ids
    if not run_ids:
        required(None, "run_ids")
    if len(run_ids) > MAX_RUNS:
        raise InvalidParameter(
            f"GetMetricHistoryBulkInterval request must specify at most {MAX_RUNS} run_ids. Received "
            f"{len(run_ids)} run_ids.{_SEE}"
        )
    key = str(required(request.metric_key, "metric_key"))
    if not 1 <= request.max_results <= MAX_SAMPLE:
        raise InvalidParameter(f"max_results must be between 1 and {MAX_SAMPLE}.{_SEE}")
    steps = _steps(request)

    def work(connection: Connection) -> list[Any]:
        return [
            point
            for run in _found(connection, run_ids)
            for point in metrics.sampled(connection, run, key, limit=request.max_results, steps=steps)
        ]

    found = await services.database.read(work)
    return {"metrics": found} if found else {}


def _steps(request: Sampled) -> tuple[int, int] | None:
    if request.start_step is None and request.end_step is None:
        return None
    if request.start_step is None or request.end_step is None:
        raise InvalidParameter("If either start step or end step are specified, both must be specified.")
    if request.start_step > request.end_step:
        raise InvalidParameter(
            f"end_step must be greater than start_step. Found start_step={request.start_step} and "
            f"end_step={request.end_step}."
        )
    return request.start_step, request.end_step


ENDPOINTS: list[Endpoint] = [
    Rpc(method="GET", path="/mlflow/metrics/get-history", request=History, handle=history),
    Rpc(
        method="GET",
        path="/mlflow/metrics/get-history-bulk",
        request=BulkHistory,
        handle=bulk_history,
        prefixes=AJAX_V2,
    ),
    Rpc(method="GET", path="/mlflow/metrics/get-history-bulk-interval", request=Sampled, handle=sampled),
]
