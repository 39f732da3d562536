"""The runs of one experiment as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tracking_server.errors import InvalidFilter, InvalidParameter
from tracking_server.services import Services
from tracking_server.store import experiments
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Experiment
from tracking_server.ui import address, colours
from tracking_server.ui.frame import page
from tracking_server.ui.runs import grouping, reading
from tracking_server.ui.runs.columns import Column
from tracking_server.ui.runs.view import REMEMBERED, View, read, remembered


async def show(services: Services, request: Request) -> Response:
    """The runs of one experiment: nested under their parents, those that pass a filter, or groups of them.

    A filter that cannot be read is shown with the place that is wrong, above the table without it.
    """
    query = request.query_params
    kept = remembered(request.cookies.get(REMEMBERED))
    if kept and "column" not in query:
        return RedirectResponse(address.url(request.url.path, query, column=kept), status_code=302)
    view = read(query)
    problem: InvalidParameter | None = None
    try:
        values = await _values(services, request, view)
    except InvalidParameter as error:
        if not (view.filter or view.order or view.page_token):
            raise
        problem = error
        values = await _values(services, request, replace(view, filter="", order="", page_token=""))
    return page(
        request,
        "runs.html",
        tab="runs",
        view=view,
        colour_count=colours.COUNT,
        problem=str(problem or ""),
        pointer=_pointer(view, problem),
        sorting=lambda column: sorting(view, column),
        has_cookie=bool(kept),
        **values,
    )


async def _values(services: Services, request: Request, view: View) -> dict[str, Any]:
    experiment_id = str(request.path_params["experiment_id"])
    present_ms = now_ms()

    def look(connection: Connection) -> tuple[Experiment, reading.Reading | None, grouping.Groups | None]:
        found = experiments.get(connection, experiment_id)
        row = int(found.experiment_id)
        if view.group is not None:
            return found, None, grouping.read(connection, row, view, view.group)
        return found, reading.read(connection, row, view, present_ms), None

    experiment, listed, groups = await services.database.read(look)
    return {"experiment": experiment, "listed": listed, "groups": groups, "now_ms": present_ms}


def _pointer(view: View, problem: InvalidParameter | None) -> str:
    """The filter with a mark under the character that is in the way; "" where no place is known."""
    if not isinstance(problem, InvalidFilter):
        return ""
    text = view.filter if "order_by" not in str(problem) and view.filter else view.order
    start = max(0, problem.position - 60)
    shown = text[start : start + 120].replace("\n", " ")
    return f"{shown}\n{' ' * (problem.position - start)}^"


def sorting(view: View, column: Column | str) -> tuple[str, str]:
    """For the head of a column: how it is sorted now, as `aria-sort` says it, and the order to go to next.

    Numbers begin with the least, as losses are sorted; a second click turns the order round.
    """
    key = column if isinstance(column, str) else column.order
    if not key:
        return "", ""
    if view.order == f"{key} ASC":
        return "ascending", f"{key} DESC"
    if view.order == f"{key} DESC" or (key == "attributes.start_time" and not view.order):
        return "descending", f"{key} ASC"
    return "none", f"{key} DESC" if key == "attributes.start_time" else f"{key} ASC"
