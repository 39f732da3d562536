"""The runs of one experiment."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_client.wire import names
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import experiments, runs
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Run
from tracking_server.store.searching import paging, search
from tracking_server.ui.frame import page
from tracking_server.ui.runs.run_table import table

RUNS_PER_PAGE = 50
MAX_CHILDREN = 500


async def show(services: Services, request: Request) -> Response:
    """The runs of one experiment, children under their parents; or those that pass a filter, flat."""
    experiment_id = request.path_params["experiment_id"]
    query = request.query_params
    wanted = query.get("filter", "").strip()
    token = query.get("page_token", "")
    problem = ""

    def look(connection: Connection, text: str) -> tuple[Any, Any, list[Run]]:
        found = experiments.get(connection, experiment_id)
        listed = search.runs(
            connection,
            [experiment_id],
            paging.SearchRequest(
                filter=text or f"tags.`{names.PARENT_RUN_ID}` IS NULL",
                max_results=RUNS_PER_PAGE,
                page_token=token,
            ),
        )
        below = [] if text else runs.descendants(connection, listed.items, MAX_CHILDREN)
        return found, listed, below

    try:
        found, listed, below = await services.database.read(lambda connection: look(connection, wanted))
    except InvalidParameter as error:
        if not wanted:
            raise
        problem = str(error)
        token = ""
        found, listed, below = await services.database.read(lambda connection: look(connection, ""))
    following = {"page_token": listed.next_page_token or "", **({"filter": wanted} if wanted else {})}
    return page(
        request,
        "runs.html",
        tab="runs",
        experiment=found,
        table=table([*listed.items, *below], now_ms()),
        filter=wanted,
        problem=problem,
        next_url=f"?{urlencode(following)}" if listed.next_page_token else "",
        children_cut=len(below) >= MAX_CHILDREN,
    )
