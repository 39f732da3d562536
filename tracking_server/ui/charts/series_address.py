"""`/series`: one metric of some runs as JSON, as few points as a chart can show, every peak among them.

It belongs to the pages and not to MLflow's API; docs/reference/charts.md describes it for scripts.
"""

from __future__ import annotations

import math
from typing import Any, get_args

import msgspec
from sqlalchemy import Connection
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api.routing import error_reply
from tracking_server.errors import InvalidParameter, ServerError
from tracking_server.services import Services
from tracking_server.store import metric_keys, runs, series
from tracking_server.store.series import Series
from tracking_server.ui.charts.query_fields import whole_number
from tracking_server.ui.charts.settings import Axis, stored_range, within
from tracking_server.ui.frame import json_reply

MOST_RUNS = 100
MOST_POINTS = 5_000
MOST_POINTS_OF_ALL = 100_000
DEFAULT_POINTS = 500
LEAST_POINTS = 10


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What `/series` is asked for. `within` is in units of `axis`: steps, epoch milliseconds, or seconds."""

    run_ids: tuple[str, ...]
    metric: str
    points: int
    axis: Axis
    within: tuple[float, float] | None


async def answer(services: Services, request: Request) -> Response:
    """The series, or an error as the API words it."""
    try:
        wanted = _wanted(request.query_params)
        found = await services.database.read(lambda connection: _found(connection, wanted))
    except ServerError as error:
        return error_reply(error)
    return json_reply(request, {"metric": wanted.metric, "x": wanted.axis, "series": found})


def _wanted(query: QueryParams) -> Wanted:
    run_ids = tuple(dict.fromkeys(query.getlist("run")))
    if not 1 <= len(run_ids) <= MOST_RUNS:
        raise InvalidParameter(f"Name 1 to {MOST_RUNS} runs, each as a field 'run'.")
    if not query.get("metric"):
        raise InvalidParameter("Name a metric in the field 'metric'.")
    points = whole_number(query, "points", default=DEFAULT_POINTS, least=LEAST_POINTS, most=MOST_POINTS)
    axis = query.get("x", "") or "step"
    if axis not in get_args(Axis):
        raise InvalidParameter(f"'x' must be one of {', '.join(get_args(Axis))}, not '{axis[:100]}'.")
    return Wanted(
        run_ids=run_ids,
        metric=query["metric"],
        points=max(LEAST_POINTS, min(points, MOST_POINTS_OF_ALL // len(run_ids))),
        axis=axis,  # type: ignore[arg-type]  # it is one of them
        within=within(query),
    )


def _found(connection: Connection, wanted: Wanted) -> list[dict[str, Any]]:
    key = metric_keys.find(connection, [wanted.metric]).get(wanted.metric)
    rows = [runs.find(connection, run_id) for run_id in wanted.run_ids]
    return [_as_json(row, _of_run(connection, row, key, wanted)) for row in rows]


def _of_run(connection: Connection, row: Any, key: int | None, wanted: Wanted) -> Series:
    if key is None:
        return Series(points=(), total=0, is_whole=True)
    return series.read(
        connection,
        row.id,
        key,
        most=wanted.points,
        axis="step" if wanted.axis == "step" else "time",
        within=stored_range(wanted.axis, wanted.within, row.start_ms),
    )


def _as_json(row: Any, found: Series) -> dict[str, Any]:
    """Columns rather than points: a third of the bytes."""
    return {
        "run_id": row.uuid,
        "run_name": row.name,
        "status": row.status,
        "start_time": row.start_ms,
        "total": found.total,
        "whole": found.is_whole,
        "steps": [point.step for point in found.points],
        "timestamps": [point.timestamp_ms for point in found.points],
        "values": [_worded(point.value) for point in found.points],
    }


def _worded(value: float) -> float | str:
    """JSON has no such numbers."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
